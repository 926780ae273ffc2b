"""The only SQL: one file for a pilot, PostgreSQL later, the same schema."""
