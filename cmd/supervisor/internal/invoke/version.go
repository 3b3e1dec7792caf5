package invoke

// Version is set by the build (-X …/internal/invoke.Version=…).
var Version = "devel"
