package bpf

import "fmt"

// What a filter may answer, from the most to the least restrictive; the low sixteen bits carry a value, such as the
// error number of RetErrno. Source: linux/seccomp.h.
const (
	RetKillProcess uint32 = 0x80000000
	RetKillThread  uint32 = 0x00000000
	RetTrap        uint32 = 0x00030000
	RetErrno       uint32 = 0x00050000
	RetUserNotif   uint32 = 0x7fc00000
	RetTrace       uint32 = 0x7ff00000
	RetLog         uint32 = 0x7ffc0000
	RetAllow       uint32 = 0x7fff0000
)

// MaxErrno is the largest error number that the kernel returns; it cuts larger values of RetErrno down to it.
const MaxErrno = 4095

var answerNames = map[uint32]string{
	RetKillProcess: "kill_process",
	RetKillThread:  "kill_thread",
	RetTrap:        "trap",
	RetErrno:       "errno",
	RetUserNotif:   "user_notif",
	RetTrace:       "trace",
	RetLog:         "log",
	RetAllow:       "allow",
}

// Action returns the action of an answer: one of the Ret constants, and RetKillProcess for an answer that the kernel does not
// know, as the kernel does.
func Action(answer uint32) uint32 {
	action := answer & 0xffff0000
	if _, known := answerNames[action]; !known {
		return RetKillProcess
	}
	return action
}

// Value returns the value of an answer, such as the error number of RetErrno.
func Value(answer uint32) uint16 { return uint16(answer) }

// Describe names an answer in the words of a policy: "allow", "errno 1", "kill_process".
func Describe(answer uint32) string {
	name, known := answerNames[answer&0xffff0000]
	switch {
	case !known:
		return fmt.Sprintf("kill_process (unknown action %#x)", answer)
	case answer&0xffff != 0 || answer == RetErrno:
		return fmt.Sprintf("%s %d", name, Value(answer))
	default:
		return name
	}
}
