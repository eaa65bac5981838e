"""Labels of pictures: which class each is of, as files, folders and the user say it."""
