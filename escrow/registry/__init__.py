"""Who may teach, where and at what price: institutions, supervised accounts, courses."""
