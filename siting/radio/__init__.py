"""What a site covers, and whom it leaves out."""
