"""A dossier, or a store's runs, as sheets: values, rows and their digests, and the workbook's bytes."""
