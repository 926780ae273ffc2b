"""Schema migrations of the fixed tables; layer tables follow the column tables by themselves."""
