/* Small things that pages do better with a script. All of them work without it, or are hidden then. */
(function () {
  "use strict";

  const YEAR = 31536000;

  function effectiveTheme() {
    const said = document.documentElement.dataset.theme;
    if (said) return said;
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  function themeSwitch() {
    const button = document.querySelector("[data-theme-switch]");
    if (!button) return;
    const told = function () {
      button.textContent = effectiveTheme() === "dark" ? "Light theme" : "Dark theme";
    };
    button.hidden = false;
    told();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", told);
    button.addEventListener("click", function () {
      const next = effectiveTheme() === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      document.cookie = "cognify_theme=" + next + "; path=/; max-age=" + YEAR + "; samesite=lax";
      told();
    });
  }

  function menus() {
    document.querySelectorAll("details.menu").forEach(function (menu) {
      menu.addEventListener("keydown", function (event) {
        if (event.key === "Escape" && menu.open) {
          menu.open = false;
          menu.querySelector("summary").focus();
        }
      });
      menu.addEventListener("focusout", function (event) {
        if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
      });
      document.addEventListener("click", function (event) {
        if (!menu.contains(event.target)) menu.open = false;
      });
    });
  }

  /* A click on a digest copies it whole. */
  function digests() {
    document.addEventListener("click", function (event) {
      const digest = event.target.closest && event.target.closest("code.hash");
      if (!digest || !navigator.clipboard || !window.isSecureContext) return;
      navigator.clipboard.writeText(digest.textContent.trim()).then(function () {
        say("Copied");
      }, function () {});
    });
  }

  function say(text) {
    const place = document.querySelector(".toasts");
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.textContent = text;
    place.append(toast);
    window.setTimeout(function () { toast.remove(); }, 4000);
  }

  /* The word of a form that was sent stays out of the address, so that a reload does not say it again. */
  function forgetDone() {
    const here = new URL(window.location.href);
    if (here.searchParams.has("done")) {
      here.searchParams.delete("done");
      window.history.replaceState(null, "", here);
    }
  }

  /* `data-live="URL"`: the element's content comes from there again, every few seconds, while the page is looked at. */
  function live() {
    document.querySelectorAll("[data-live]").forEach(function (element) {
      const every = 1000 * Number(element.dataset.every || 5);
      const look = function () {
        if (document.hidden || !element.isConnected) return;
        fetch(element.dataset.live, { headers: { "Cognify-Fragment": "1" }, credentials: "same-origin" })
          .then(function (answer) { return answer.ok && !answer.redirected ? answer.text() : null; })
          .then(function (text) { if (text !== null) replace(element, text); })
          .catch(function () {});
      };
      window.setInterval(look, every);
      document.addEventListener("visibilitychange", look);
    });
  }

  /* Elements with a `data-key` take the place of those that have the same one; the rest of the page stays. */
  function replace(element, text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    fresh.querySelectorAll("[data-key]").forEach(function (node) {
      const old = element.querySelector('[data-key="' + CSS.escape(node.dataset.key) + '"]');
      if (old && old.outerHTML !== node.outerHTML && !old.contains(document.activeElement)) {
        const placed = document.importNode(node, true);
        keepTicks(old, placed);
        old.replaceWith(placed);
        lookAtEdges();
      }
    });
  }

  function keepTicks(old, placed) {
    old.querySelectorAll("input:checked").forEach(function (each) {
      const same = placed.querySelector('input[value="' + CSS.escape(each.value) + '"]');
      if (same) same.checked = true;
    });
  }

  /* What asks twice before it is sent waits for its answer, and is sent once. */
  function forms() {
    document.addEventListener("submit", function (event) {
      const form = event.target;
      if (form.dataset.sent) {
        event.preventDefault();
        return;
      }
      if (form.method === "post") {
        form.dataset.sent = "1";
        const button = event.submitter;
        if (button && button.dataset.busy) button.textContent = button.dataset.busy;
      }
    });
    window.addEventListener("pageshow", function () {
      document.querySelectorAll("form[data-sent]").forEach(function (form) { delete form.dataset.sent; });
    });
  }

  /* A table that goes on to the right says so at its edge. */
  function edge(table) {
    table.toggleAttribute("data-more", table.scrollLeft + table.clientWidth < table.scrollWidth - 1);
  }

  function lookAtEdges() {
    document.querySelectorAll(".table").forEach(edge);
  }

  function edges() {
    document.addEventListener("scroll", function (event) {
      if (event.target.matches && event.target.matches(".table")) edge(event.target);
    }, true);
    document.addEventListener("toggle", lookAtEdges, true);
    window.addEventListener("resize", lookAtEdges);
    lookAtEdges();
  }

  themeSwitch();
  edges();
  menus();
  digests();
  forgetDone();
  live();
  forms();
})();
