"""Documents as PDF/A-3b: laid out line by line, tagged, with the JSON package attached.

Nothing here reads markup: a string becomes glyphs of the fonts beside this module, or an escape, and nothing else.
The way of a document: `composing` → boxes → `flow` (pages) → `pen` (a reportlab canvas) → `archive` (pikepdf).
"""
