"""What keeps a database in order: chores of the writer, and what a person does: backup, restore, doctor."""
