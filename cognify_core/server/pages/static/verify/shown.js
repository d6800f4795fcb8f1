/**
 * Text that a package brings is never shown as it is: whoever wrote it chose it.
 *
 * Control, format and direction marks are written as visible escapes, and everything goes into the page as text, never
 * as markup.
 */

const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const MOST = 600;

/** A text with every mark that is not printed as a visible escape; of a very long one the beginning. */
export function plain(text) {
  const written = String(text);
  const cut = written.length > MOST ? `${written.slice(0, MOST)}…` : written;
  return cut.replace(UNSEEN, (mark) => `\\u{${mark.codePointAt(0).toString(16)}}`);
}

/** An element: its attributes, then what it holds, which is text where it is no element. */
export function element(name, attributes = {}, ...inner) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...inner.filter((each) => each !== null).map((each) => (each instanceof Node ? each : plain(each))));
  return made;
}

/** A sentence, in which what stands between backticks is code. */
export function sentence(text) {
  const fragment = document.createDocumentFragment();
  text.split("`").forEach((part, place) => fragment.append(place % 2 ? element("code", {}, part) : plain(part)));
  return fragment;
}
