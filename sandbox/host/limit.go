package host

// ControllerOf returns the controller that a limit of a control group needs, named as a policy names it; 0 for what is none.
func ControllerOf(key string) ControllerSet {
	switch key {
	case "memory.max", "memory.high", "memory.swap.max", "memory.oom.group":
		return Memory
	case "pids.max":
		return Pids
	case "cpu.max", "cpu.weight":
		return CPU
	case "cpuset.cpus":
		return CPUSet
	case "io.max", "io.weight":
		return IO
	}
	return 0
}

// OnlyVersion2 tells whether control groups of version 1 have nothing that could stand for a limit.
func OnlyVersion2(key string) bool { return key == "memory.high" || key == "memory.oom.group" }
