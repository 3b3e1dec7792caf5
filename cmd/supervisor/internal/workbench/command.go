package workbench

// commands are those that there are. A command prints to the task; an error is one about its input.
func commands() map[string]func(*task) error {
	return map[string]func(*task) error{
		"audit":           (*task).audit,
		"compile":         (*task).compile,
		"diff":            (*task).diff,
		"disasm":          (*task).disasm,
		"explain":         (*task).explain,
		"export oci":      (*task).exportOCI,
		"export systemd":  (*task).exportSystemd,
		"fmt":             (*task).format,
		"import bpf":      (*task).importBPF,
		"import minijail": (*task).importMinijail,
		"import oci":      (*task).importOCI,
		"import systemd":  (*task).importSystemd,
		"new":             (*task).fresh,
		"prove":           (*task).prove,
		"schema":          (*task).schema,
		"show":            (*task).show,
		"simulate":        (*task).simulate,
		"test":            (*task).test,
	}
}
