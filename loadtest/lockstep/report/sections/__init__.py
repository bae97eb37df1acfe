"""What a page shows, a topic a file: each with its title, note, chart and numbers."""
