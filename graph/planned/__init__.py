"""Networks under their plans: what each unit runs, what it is called, and what that takes by tables."""
