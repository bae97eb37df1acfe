"""The same contents as a page, in a terminal, as Markdown and as JUnit XML."""
