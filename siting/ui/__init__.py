"""What pages are made of: the only place besides the pages and the server that knows Streamlit."""
