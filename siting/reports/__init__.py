"""Results as files: values in, bytes out."""
