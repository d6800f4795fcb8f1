/* The picture of a lineage: moved, zoomed, searched, filtered by kind, and asked what came from what. Without it, the
   picture scrolls and each box leads to its row of the table. */
(function () {
  "use strict";

  const frame = document.querySelector("[data-graph]");
  if (!frame) return;
  const svg = frame.querySelector("svg");
  const panel = document.querySelector("[data-graph-panel]");
  const said = document.querySelector("[data-graph-said]");
  const tools = document.querySelector("[data-graph-tools]");
  const find = document.getElementById("g-find");
  const full = { width: svg.viewBox.baseVal.width, height: svg.viewBox.baseVal.height };
  const MOST = 3, STEP = 1.25, MOVE = 80, NAMED = 40, DRAG = 4, LEAST = 260;

  const boxes = Array.from(frame.querySelectorAll("[data-n]"), function (element) {
    return { element: element, before: [], after: [], rows: [] };
  });
  const lines = Array.from(frame.querySelectorAll(".g-line"), function (element) {
    const line = { element: element, source: Number(element.dataset.s), target: Number(element.dataset.t) };
    boxes[line.source].after.push(line.target);
    boxes[line.target].before.push(line.source);
    return line;
  });
  document.querySelectorAll("#rows tbody tr").forEach(function (row) {
    boxes[Number(row.dataset.box)].rows.push(row);
  });
  const titles = Array.from(document.querySelector("#rows thead tr").cells, function (cell) { return cell.textContent; });
  const off = new Set();
  let view = null;
  let chosen = -1;
  let found = [];

  /* -- where one looks */

  function scale() {
    return Math.min(frame.clientWidth / view.width, frame.clientHeight / view.height);
  }

  function look(next) {
    view = next;
    svg.setAttribute("viewBox", [view.x, view.y, view.width, view.height].map(function (each) {
      return Math.round(each * 100) / 100;
    }).join(" "));
  }

  /* All of it; what is small is not blown up. */
  function fit() {
    const width = Math.max(full.width, frame.clientWidth), height = Math.max(full.height, frame.clientHeight);
    look({ x: (full.width - width) / 2, y: (full.height - height) / 2, width: width, height: height });
  }

  function zoom(factor, x, y) {
    const least = Math.min(1, frame.clientWidth / full.width, frame.clientHeight / full.height) / 2;
    const now = scale(), wanted = Math.min(MOST, Math.max(least, now * factor)), by = now / wanted;
    const middle = x === undefined ? { x: view.x + view.width / 2, y: view.y + view.height / 2 } : at(x, y);
    look({
      x: middle.x - (middle.x - view.x) * by, y: middle.y - (middle.y - view.y) * by,
      width: view.width * by, height: view.height * by
    });
  }

  function move(x, y) {
    const now = scale();
    look({ x: view.x - x / now, y: view.y - y / now, width: view.width, height: view.height });
  }

  function at(x, y) {
    return new DOMPoint(x, y).matrixTransform(svg.getScreenCTM().inverse());
  }

  /* Bring a box into sight, large enough to be read. */
  function reveal(number) {
    if (scale() < 0.7) zoom(0.9 / scale());
    const place = boxes[number].element.getBoundingClientRect(), around = frame.getBoundingClientRect(), air = 24;
    const left = around.left + air - place.left, right = place.right - around.right + air;
    const above = around.top + air - place.top, below = place.bottom - around.bottom + air;
    if (Math.max(left, right, above, below) > 0) {
      move((around.left + around.right - place.left - place.right) / 2,
        (around.top + around.bottom - place.top - place.bottom) / 2);
    }
  }

  /* -- what is chosen */

  function reach(number, side) {
    const known = new Set(), waiting = [number];
    while (waiting.length) {
      boxes[waiting.pop()][side].forEach(function (next) {
        if (!known.has(next)) { known.add(next); waiting.push(next); }
      });
    }
    return known;
  }

  function choose(number) {
    if (number === chosen) return;
    chosen = number;
    const before = reach(number, "before"), after = reach(number, "after");
    const above = new Set(before).add(number), below = new Set(after).add(number);
    frame.classList.add("has-chosen");
    boxes.forEach(function (box, place) {
      box.element.classList.toggle("is-chosen", place === number);
      box.element.classList.toggle("is-kin", above.has(place) || below.has(place));
    });
    lines.forEach(function (line) {
      const kin = (above.has(line.source) && above.has(line.target)) || (below.has(line.source) && below.has(line.target));
      line.element.classList.toggle("is-kin", kin);
    });
    tell(number, before.size, after.size);
    window.history.replaceState(null, "", "#" + boxes[number].rows[0].id);
  }

  function letGo() {
    chosen = -1;
    frame.classList.remove("has-chosen");
    frame.querySelectorAll(".is-chosen, .is-kin").forEach(function (each) { each.classList.remove("is-chosen", "is-kin"); });
    panel.hidden = true;
    said.textContent = "";
    window.history.replaceState(null, "", window.location.pathname + window.location.search);
  }

  function make(tag, text, name) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (name) element.className = name;
    return element;
  }

  function tell(number, before, after) {
    const rows = boxes[number].rows, one = rows.length === 1;
    const title = one ? rows[0].cells[0].textContent : boxes[number].element.querySelector(".g-name").textContent;
    panel.replaceChildren(make("h3", title.trim()), make("p", kin(before, after), "muted"));
    if (one) panel.append(facts(rows[0]), link("#" + rows[0].id, "Show it in the table"));
    else panel.append(members(rows), unfold(rows[0]));
    panel.hidden = false;
    said.textContent = title.trim() + ": " + kin(before, after);
  }

  function kin(before, after) {
    return "comes from " + many(before) + ", leads to " + many(after);
  }

  function many(number) {
    return number ? number + (number === 1 ? " box" : " boxes") : "nothing here";
  }

  function facts(row) {
    const list = make("dl", "", "facts");
    Array.from(row.cells).slice(1).forEach(function (cell, place) {
      const value = make("dd");
      Array.from(cell.childNodes).forEach(function (node) { value.append(node.cloneNode(true)); });
      value.querySelectorAll("code.hash").forEach(function (each) { each.className = "whole"; });
      list.append(make("dt", titles[place + 1]), value);
    });
    return list;
  }

  function members(rows) {
    const list = make("ul");
    rows.slice(0, NAMED).forEach(function (row) {
      const item = make("li");
      item.append(link("#" + row.id, row.cells[0].textContent.trim()));
      list.append(item);
    });
    if (rows.length > NAMED) list.append(make("li", "and " + (rows.length - NAMED) + " more, in the table", "muted"));
    return list;
  }

  function unfold(row) {
    const kind = row.cells[1].textContent.trim().replaceAll(" ", "_");
    const there = document.querySelector('[data-unfold="' + CSS.escape(kind) + '"]');
    return there ? link(there.getAttribute("href"), there.textContent) : make("span");
  }

  function link(address, text) {
    const element = make("a", text);
    element.setAttribute("href", address);
    return element;
  }

  /* -- what is looked for */

  function search() {
    const words = find.value.trim().toLowerCase();
    let nodes = 0;
    found = [];
    boxes.forEach(function (box, number) {
      const held = words ? box.rows.filter(function (row) { return text(row).includes(words); }).length : 0;
      box.element.classList.toggle("is-found", held > 0);
      if (held && !off.has(kindOf(box))) found.push(number);
      nodes += held;
    });
    said.textContent = words && !nodes ? "nothing is found" : words ? nodes + " found in " + many(found.length) + "; Enter goes to the next" : "";
  }

  function text(row) {
    return [0, 1, 2, 7].map(function (place) { return row.cells[place].textContent; }).join(" ").toLowerCase();
  }

  function goOn() {
    if (!found.length) return;
    const next = found[(found.indexOf(chosen) + 1) % found.length];
    choose(next);
    reveal(next);
  }

  function kindOf(box) {
    return box.rows[0].cells[1].textContent.trim().replaceAll(" ", "_");
  }

  function filter(kind, shown) {
    if (shown) off.delete(kind); else off.add(kind);
    boxes.forEach(function (box) { box.element.classList.toggle("is-off", off.has(kindOf(box))); });
    lines.forEach(function (line) {
      const gone = off.has(kindOf(boxes[line.source])) || off.has(kindOf(boxes[line.target]));
      line.element.classList.toggle("is-off", gone);
    });
    search();
  }

  /* -- hands: keys, wheel, pointers */

  const KEYS = {
    ArrowLeft: function () { move(MOVE, 0); }, ArrowRight: function () { move(-MOVE, 0); },
    ArrowUp: function () { move(0, MOVE); }, ArrowDown: function () { move(0, -MOVE); },
    "+": function () { zoom(STEP); }, "=": function () { zoom(STEP); }, "-": function () { zoom(1 / STEP); },
    "0": fit, Home: fit, Escape: letGo
  };

  frame.addEventListener("keydown", function (event) {
    const does = KEYS[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does();
  });

  frame.addEventListener("wheel", function (event) {
    event.preventDefault();
    zoom(event.deltaY < 0 ? STEP : 1 / STEP, event.clientX, event.clientY);
  }, { passive: false });

  const hands = new Map();
  let dragged = 0;

  frame.addEventListener("pointerdown", function (event) {
    if (event.button) return;
    if (!hands.size) dragged = 0;
    hands.set(event.pointerId, event);
  });

  window.addEventListener("pointermove", function (event) {
    const last = hands.get(event.pointerId);
    if (!last) return;
    const other = Array.from(hands.values()).find(function (each) { return each.pointerId !== event.pointerId; });
    dragged += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
    hands.set(event.pointerId, event);
    if (other) zoom(apart(event, other) / Math.max(apart(last, other), 1), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
    else if (dragged > DRAG) move(event.clientX - last.clientX, event.clientY - last.clientY);
  });

  function apart(one, other) {
    return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
  }

  ["pointerup", "pointercancel"].forEach(function (name) {
    window.addEventListener(name, function (event) { hands.delete(event.pointerId); });
  });

  frame.addEventListener("dragstart", function (event) { event.preventDefault(); });

  frame.addEventListener("click", function (event) {
    const box = event.target.closest("[data-n]");
    if (box) event.preventDefault();
    if (dragged > DRAG) return;
    if (box) choose(Number(box.dataset.n));
    else letGo();
  });

  frame.addEventListener("focusin", function (event) {
    const box = event.target.closest("[data-n]");
    if (!box || hands.size) return;
    frame.scrollTo(0, 0);
    choose(Number(box.dataset.n));
    reveal(chosen);
  });

  /* The box of the row that an address leads to; none where it leads elsewhere. */
  function boxOf(hash) {
    const row = document.getElementById(hash.slice(1));
    return row && row.dataset.box ? Number(row.dataset.box) : -1;
  }

  function toHash() {
    const number = boxOf(window.location.hash);
    if (number < 0) return;
    choose(number);
    reveal(number);
  }

  window.addEventListener("hashchange", toHash);

  /* What a box came from is chosen in its place; a link to its own row leads there. */
  panel.addEventListener("click", function (event) {
    const anchor = event.target.closest("a"), number = anchor ? boxOf(anchor.getAttribute("href")) : -1;
    if (number < 0 || number === chosen) return;
    event.preventDefault();
    choose(number);
    reveal(number);
  });

  find.addEventListener("input", search);
  find.addEventListener("keydown", function (event) {
    if (event.key !== "Enter") return;
    event.preventDefault();
    goOn();
  });
  tools.addEventListener("click", function (event) {
    const does = { in: function () { zoom(STEP); }, out: function () { zoom(1 / STEP); }, fit: fit, clear: clear };
    const button = event.target.closest("[data-do]");
    if (button) does[button.dataset.do]();
  });

  function clear() {
    find.value = "";
    search();
    letGo();
    document.querySelectorAll("[data-kind]").forEach(function (each) { each.checked = true; filter(each.dataset.kind, true); });
  }

  document.querySelectorAll("[data-kind]").forEach(function (each) {
    each.hidden = false;
    each.addEventListener("change", function () { filter(each.dataset.kind, each.checked); });
  });
  tools.hidden = false;
  frame.classList.add("live");
  frame.style.height = Math.max(LEAST, Math.min(full.height + 80, 640, window.innerHeight * 0.72)) + "px";
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  fit();
  toHash();
})();
