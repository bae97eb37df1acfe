"""How charts are drawn: scales, colours, rows, pictures; nothing of what they show."""
