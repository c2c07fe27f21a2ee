"""`qembed config`: the settings that hold in a folder, and the project file's mistakes."""
