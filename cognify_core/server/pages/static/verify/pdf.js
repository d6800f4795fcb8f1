/** The JSON package that a PDF package carries. The pages themselves are not looked at: a browser cannot make them again. */

import { CannotCheck } from "./bytes.js";

const EMBEDDED = /<<(?:(?!endobj|stream)[\s\S]){0,2000}?\/Type\s*\/EmbeddedFile\b(?:(?!endobj|stream)[\s\S]){0,2000}?>>\s*stream\r?\n/g;
const BEGINNING = '{"addenda":';

/** Whether bytes are a PDF file's. */
export function isPdf(data) {
  return String.fromCharCode(...data.subarray(0, 5)) === "%PDF-";
}

/** The bytes of the one JSON package that is attached. Throws `CannotCheck` where this page finds none, or several. */
export async function evidenceOf(data, most) {
  const text = new TextDecoder("latin1").decode(data);
  const found = [];
  for (const match of text.matchAll(EMBEDDED)) {
    const attached = await unpacked(data, match, most);
    if (attached !== null && new TextDecoder().decode(attached.subarray(0, BEGINNING.length)) === BEGINNING) {
      found.push(attached);
    }
  }
  if (found.length !== 1) {
    const told = found.length ? "several packages" : "no package";
    throw new CannotCheck(`this page finds ${told} inside the PDF; \`cognify verify\` reads it as a whole`);
  }
  return found[0];
}

async function unpacked(data, match, most) {
  const length = /\/Length\s+(\d{1,9})(?!\s+\d+\s+R)\b/.exec(match[0]);
  if (length === null) {
    return null;
  }
  const start = match.index + match[0].length;
  const packed = data.subarray(start, start + Number(length[1]));
  if (!/\/Filter\b/.test(match[0])) {
    return packed;
  }
  return /\/Filter\s*(?:\[\s*)?\/FlateDecode\b/.test(match[0]) && !match[0].includes("/DecodeParms") ? inflated(packed, most) : null;
}

/** What a Flate stream holds, up to `most` bytes, so that a small file cannot become a large one. */
async function inflated(packed, most) {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const pieces = [];
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > most) {
        await reader.cancel();
        throw new CannotCheck(`what is attached to the PDF has more than ${most.toLocaleString("en")} bytes`);
      }
      pieces.push(next.value);
    }
  } catch (error) {
    if (error instanceof CannotCheck) {
      throw error;
    }
    return null; // no Flate stream
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
