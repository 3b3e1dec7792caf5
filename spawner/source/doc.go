// Package source opens policy files and checks that they can be trusted.
//
// A policy says what runs and as whom, so it is as trusted as a unit file. [Open] opens each file once; the bytes that it returns are
// those that were checked, and nobody opens the path again:
//
//	files, err := source.Open(kernel, "/etc/bulkhead/web.yaml", source.Trusted(facts))
//
// # The rule
//
// Under [Trusted], on the way from the root directory to the file
//   - everything belongs to root or to the effective user: each directory, each symbolic link, the file;
//   - no directory may be written by its group or by others, unless it is sticky (as /tmp is: there only its owner moves an entry, and the
//     entry's owner is checked);
//   - the file may not be written by its group or by others, sticky or not.
//
// The way is walked component by component, and each component is opened relative to the descriptor of the directory before it, so
// what was checked is what is used whatever is renamed meanwhile. Directories in which a followed link lies are on the way too.
// An access control list that lets somebody else write shows as a group that may write, so it is refused as well: acl(5).
//
// What a policy includes is held to the same rule, by [OpenFile]: the way to each file is walked from the root again.
//
// # Ordinary users
//
// In a user namespace that maps one user, root's files and those of every other user look alike: they belong to the overflow user,
// 65534. No check made there can tell them apart, and one that took 65534 for root would trust everybody. So files are opened before a
// user namespace is entered, and their bytes are handed on. Inside of one, [Trusted] trusts root and the effective user as
// they are seen there, and the overflow user never.
//
// To read the policies again for a reload, [OpenRecorded] returns what was found to be trusted outside, by device and inode, and
// [Trust.Knowing] recognizes it inside: root's directories on the way to a user's own files. A directory that is new, or lies in one
// that others may write to, cannot be judged there and is refused with that reason.
//
// # Limits
//
//   - Root, and whoever may mount over a directory or write to the file system's device, can do everything.
//   - A trusted owner who had the file open for writing before its permissions were tightened, or gave the descriptor to somebody, is
//     not found out. A file that changes while it is read is.
//   - A file that its group may write is refused even if nobody else is in that group: who is in a group is not the kernel's knowledge.
//   - File systems without owners (vfat, some network file systems) show the owner that their mount options say.
package source
