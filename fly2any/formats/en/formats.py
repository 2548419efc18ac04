"""Read by Django (`FORMAT_MODULE_PATH`): rows of the console say their times as every other page of it does."""

DATETIME_FORMAT = "Y-m-d H:i:s T"
