"""The page that checks packages in a browser, as one file: it works from disk, and cannot send anything anywhere.

From `file://` a browser imports no modules, so the modules are put one behind the other, each in a scope of its own.
The policy in the file names script and style by their SHA-256 and forbids everything else. The bytes are a function of
the sources: no clock, no version of anything else, so that the SHA-256 can be published and compared.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path

FILE_NAME = "cognify-verify.html"
FOLDER = Path(__file__).parent / "static" / "verify"
STYLES = (FOLDER.parent / "cognify.css", FOLDER / "verify.css")
_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([a-z]+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|const|class) ([A-Za-z0-9_]+))", re.MULTILINE)
_STYLE_LINK = '<link rel="stylesheet" href="verify.css">'
_SCRIPT_LINK = '<script type="module" src="page.js"></script>'


@cache
def standalone() -> bytes:
    """The file's bytes."""
    style, script = _inline()
    page = (FOLDER / "verify.html").read_text("utf-8")
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n<style>{style}</style>'
    page = page.replace(_STYLE_LINK, head)
    return page.replace(_SCRIPT_LINK, f'<script type="module">{script}</script>').encode()


@cache
def policy() -> str:
    """What the page may do: run this script, use this style. It may not fetch, send, embed or go anywhere."""
    style, script = map(_source, _inline())
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{script}'",
            f"style-src '{style}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


@cache
def _inline() -> tuple[str, str]:
    """The style and the script, as they stand in the file."""
    return "\n".join(path.read_text("utf-8") for path in STYLES), bundle("page")


def bundle(entry: str) -> str:
    """The module of that name, and before it all that it imports, each once, in one script."""
    parts: dict[str, str] = {}
    _add(entry, parts)
    return "\n" + "\n".join(parts.values()) + "\n"


def _add(name: str, parts: dict[str, str]) -> None:
    source = (FOLDER / f"{name}.js").read_text("utf-8")
    parts[name] = ""  # a module that imports itself by way of others finds it there, and is refused by the browser
    taken = []
    for names, module in _IMPORT.findall(source):
        if module not in parts:
            _add(module, parts)
        taken.append(f"const {{ {', '.join(names.replace(',', ' ').split())} }} = module_{module};\n")
    given = ", ".join(_EXPORT.findall(source))
    body = "".join(taken) + _EXPORT.sub("", _IMPORT.sub("", source))
    del parts[name]
    parts[name] = f"const module_{name} = (() => {{\n{body}return {{ {given} }};\n}})();\n"


def _source(text: str) -> str:
    """The name of an inline script or style in a policy."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
