"""The process that leads: plans walked cell by cell, workers ordered about, reports collected."""
