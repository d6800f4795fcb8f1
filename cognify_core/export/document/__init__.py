"""Documents before they have a format: blocks of plain text, figures and tables, composed from a dossier."""
