"""What every bank line is; loses none. Knows banks and books, nothing of schools."""
