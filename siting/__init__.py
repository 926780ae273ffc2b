"""Siting: where an urban district puts its 5G stations and fibre, and what each blocked site costs."""
