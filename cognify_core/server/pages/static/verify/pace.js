/** Long work in pieces, so that the page stays alive and can say how far it is. */

const AT_ONCE = 256;
const MILLISECONDS = 40;

/** Do `work` for each item, many at once, and rest between; `progress(done)` hears how far it is. */
export async function inPieces(items, work, progress = () => {}) {
  const results = [];
  let rested = performance.now();
  for (let place = 0; place < items.length; place += AT_ONCE) {
    const piece = items.slice(place, place + AT_ONCE);
    results.push(...(await Promise.all(piece.map((item, number) => work(item, place + number)))));
    if (performance.now() - rested > MILLISECONDS) {
      progress(results.length);
      await rest();
      rested = performance.now();
    }
  }
  return results;
}

/** Let the page draw and answer. */
export function rest() {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
