package policy

// The codes of the findings. A code keeps its meaning for ever; a code that is no longer used is not given again.
// E1xx: YAML and structure, E2xx: names, E3xx: seccomp, E4xx: references and contradictions, E5xx: values, E6xx: the host (HostCodes).
// A code with W in front is a warning.
const (
	codeEmpty        = "E101"
	codeTooLarge     = "E102"
	codeNotText      = "E103"
	codeTab          = "E104"
	codeTooDeep      = "E105"
	codeTooMuch      = "E106"
	codeSyntax       = "E107"
	codeAnchor       = "E108"
	codeTag          = "E109"
	codeDocuments    = "E110"
	codeUnknownKey   = "E111"
	codeDuplicateKey = "E112"
	codeType         = "E113"
	codeMissingKey   = "E114"
	codeNotYet       = "E115"
	codeTooMany      = "E116"
	codeParserBug    = "E117"
	codeKey          = "E118"

	codeUnknownCall       = "E201"
	codeForeignCall       = "E202"
	codeUnknownGroup      = "E203"
	codeUnknownCapability = "E204"
	codeUnknownNamespace  = "E205"
	codeUnknownRlimit     = "E206"
	codeUnknownResource   = "E207"
	codeUnknownSignal     = "E208"
	codeUnknownErrno      = "E209"
	codeUnknownVariable   = "E210"
	codeName              = "E211"
	codeUnknownProtection = "E212"
	codeChoice            = "E213"

	codePointer      = "E301"
	codeAction       = "E302"
	codeListedTwice  = "E303"
	codeDenied       = "E304"
	codeNothingLeft  = "E305"
	codeArchitecture = "E306"
	codeLogDenies    = "W307"
	codeCovered      = "W308"

	codeExpr            = "E309"
	codeUnknownArgument = "E310"
	codeUnknownConstant = "E311"
	codeComparison      = "E312"
	codeConstantFits    = "E313"
	codeAlways          = "E314"
	codePrecedence      = "E315"
	codeNoPrototype     = "E316"
	codeShadowed        = "W317"
	codeUnconditional   = "E318"
	codeTooNew          = "E319"
	codeNotOverridable  = "E320"
	codeSupported       = "W321"

	codeUnknownProfile  = "E401"
	codeCycle           = "E402"
	codeExtendsDepth    = "E403"
	codeUnusedProfile   = "E404"
	codeUnknownListener = "E405"
	codeUnusedListener  = "E406"
	codeSameAddress     = "E407"
	codeSameDescriptor  = "E408"
	codeNotContiguous   = "E409"
	codeNetworkMode     = "E410"
	codeNoMountNS       = "E411"
	codeNoPidNS         = "E412"
	codeNotAskedFor     = "E413"
	codeNofile          = "E414"
	codeTwice           = "E415"
	codeNoEffect        = "E416"
	codeReservedEnv     = "E417"
	codeSameUser        = "W418"
	codeUnreachable     = "E419"
	codeProvesNothing   = "W420"
	codeStartFirst      = "E421"
	codeUnknownModule   = "E422"
	codeInclude         = "E423"
	codeIncludeCycle    = "E424"
	codeNeedsNamespace  = "E425"

	codeRange       = "E501"
	codeUnit        = "E502"
	codeMalformed   = "E503"
	codeAddress     = "E504"
	codePath        = "E505"
	codeRootPath    = "E506"
	codeKernel      = "E507"
	codeVersion     = "E508"
	codeNUL         = "E509"
	codeMode        = "E510"
	codeSoftHard    = "E511"
	codeEnvironment = "E512"
	codeCommand     = "E513"
	codeDollar      = "E514"
)

// HostCodes returns the codes of findings that are made when a policy is compiled for a host, in order. Package sandbox makes those up
// to E632 and package spawner/compile the others; a test of package sandbox compares the list with what they use.
func HostCodes() []CodeMeaning {
	return []CodeMeaning{
		{"E600", "something on the host that could not be looked at"},
		{"E601", "a path that the host does not have"},
		{"E602", "a path that leads to the host's root"},
		{"E603", "nothing fit to mount a path on"},
		{"E604", "a path that leads through a symbolic link inside another one"},
		{"E605", "a second proc"},
		{"E606", "a control group file system for a module that has no control group"},
		{"E607", "no place for a socket of the supervisor's"},
		{"W608", "a path that the host does not have, left out of a trial"},
		{"E609", "a launch that is too large"},
		{"E610", "a protection that the host cannot enforce"},
		{"E611", "a kernel that is too old"},
		{"E612", "no user, although the supervisor runs as root"},
		{"E613", "a user that does not exist"},
		{"E614", "a group that does not exist"},
		{"E615", "no number left for a dynamic user"},
		{"E616", "an attribute of the process that takes a capability which the supervisor does not have"},
		{"E617", "a host's proc that does not show what a new one would"},
		{"E618", "a path in proc that leads through a symbolic link"},
		{"W619", "a path to be masked or read-only that the kernel's proc does not have"},
		{"E620", "a seccomp filter that cannot be compiled"},
		{"E621", "two disks of io.max that are one on the host"},
		{"E630", "a command that is not found"},
		{"E631", "a command that cannot be executed"},
		{"E632", "a working directory that is not there"},
		{"E640", "no module of that name, or none chosen"},
		{"E641", "a module or a listener that two files define"},
		{"W642", "two modules whose users have one number"},
		{"E643", "a module that runs as the manager's user"},
		{"E650", "a listener that cannot be had"},
		{"E651", "a limit of resources that cannot be had"},
		{"E652", "a policy that cannot be read, or that others may write, when it is read again"},
	}
}

// CodeMeaning is one line of the table of codes.
type CodeMeaning struct{ Code, Meaning string }

// Codes returns all codes with their meanings, in order.
func Codes() []CodeMeaning {
	return []CodeMeaning{
		{codeEmpty, "the file is empty"},
		{codeTooLarge, "the file is larger than a policy may be"},
		{codeNotText, "the file is not plain UTF-8 text"},
		{codeTab, "a tab character"},
		{codeTooDeep, "nesting deeper than 64"},
		{codeTooMuch, "more in one place than a policy may have: keys, tokens, characters in a line or a key"},
		{codeSyntax, "not valid YAML"},
		{codeAnchor, "an anchor, an alias or a merge key"},
		{codeTag, "a tag"},
		{codeDocuments, "a directive or a second document"},
		{codeUnknownKey, "a key that the language does not have"},
		{codeDuplicateKey, "a key written twice in one map"},
		{codeType, "a value of the wrong type"},
		{codeMissingKey, "a required key is missing"},
		{codeNotYet, "part of the language, but not of this version"},
		{codeTooMany, "more findings than are shown"},
		{codeParserBug, "the YAML parser gave up on the file"},
		{codeKey, "a key that is not a plain word"},
		{codeUnknownCall, "a system call that nobody knows"},
		{codeForeignCall, "a system call of another architecture"},
		{codeUnknownGroup, "a group of system calls that does not exist"},
		{codeUnknownCapability, "a capability that does not exist"},
		{codeUnknownNamespace, "a kind of namespace that does not exist"},
		{codeUnknownRlimit, "a resource limit that does not exist"},
		{codeUnknownResource, "a control group file that does not exist"},
		{codeUnknownSignal, "a signal that does not exist"},
		{codeUnknownErrno, "an error number that does not exist"},
		{codeUnknownVariable, "a variable that is not defined"},
		{codeName, "a name with characters that a name may not have"},
		{codeUnknownProtection, "a protection that does not exist"},
		{codeChoice, "a word that is not one of the choices"},
		{codePointer, "a pointer that is compared with something other than NULL"},
		{codeAction, "an action that cannot be used here"},
		{codeListedTwice, "a system call or group listed twice"},
		{codeDenied, "an allowed call that deny takes away again"},
		{codeNothingLeft, "no system call is allowed"},
		{codeArchitecture, "an architecture that is not known or cannot be closed"},
		{codeLogDenies, "the action log denies nothing"},
		{codeCovered, "an allowed call that a group has already"},
		{codeExpr, "an argument expression that cannot be read"},
		{codeUnknownArgument, "an argument that the call does not have"},
		{codeUnknownConstant, "a constant that is not known"},
		{codeComparison, "a comparison that a filter cannot make"},
		{codeConstantFits, "a constant that does not fit the argument's type"},
		{codeAlways, "a condition that always or never holds"},
		{codePrecedence, "an expression that C reads otherwise than it looks"},
		{codeNoPrototype, "a condition on a call whose arguments are not known"},
		{codeShadowed, "a conditional rule for a call that a group allows without one"},
		{codeUnconditional, "a conditional rule for a call that is listed without one as well"},
		{codeTooNew, "a system call that is newer than the oldest kernel that the policy accepts"},
		{codeNotOverridable, "a profile's deny that is lifted and not marked as overridable"},
		{codeSupported, "if_supported for a call that every architecture and kernel has"},
		{codeUnknownProfile, "a profile that is not defined"},
		{codeCycle, "profiles that extend each other in a circle"},
		{codeExtendsDepth, "profiles extended deeper than 8"},
		{codeUnusedProfile, "a profile that no module uses"},
		{codeUnknownListener, "a listener that is not defined"},
		{codeUnusedListener, "a listener that no module uses"},
		{codeSameAddress, "two listeners that cannot both be bound"},
		{codeSameDescriptor, "two listeners on one descriptor"},
		{codeNotContiguous, "descriptors that are not contiguous from 3"},
		{codeNetworkMode, "the network mode contradicts the namespaces"},
		{codeNoMountNS, "a file-system list without a mount namespace"},
		{codeNoPidNS, "a new proc without a pid namespace"},
		{codeNeedsNamespace, "a name or a clock of its own without the namespace for it"},
		{codeNotAskedFor, "best_effort for a protection that the module does not ask for"},
		{codeNofile, "too few descriptors for the module's listeners"},
		{codeTwice, "an entry listed twice"},
		{codeNoEffect, "a setting that has no effect"},
		{codeReservedEnv, "a variable that the supervisor sets itself"},
		{codeSameUser, "two modules that run as the same user"},
		{codeUnreachable, "a probe of an address where the module cannot be reached"},
		{codeProvesNothing, "a probe that succeeds whether the module answers or not"},
		{codeStartFirst, "start-first for a module that binds for itself"},
		{codeUnknownModule, "a module that is not defined"},
		{codeInclude, "a file that cannot be included"},
		{codeIncludeCycle, "files that include each other in a circle, or deeper than 8"},
		{codeRange, "a number out of range"},
		{codeUnit, "a number without its unit"},
		{codeMalformed, "a value that cannot be read"},
		{codeAddress, "an address that cannot be used"},
		{codePath, "a path that cannot be used"},
		{codeRootPath, "the root directory in a file-system list"},
		{codeKernel, "a kernel requirement that cannot be read"},
		{codeVersion, "a version of the language that is not known"},
		{codeNUL, "a NUL character in a string"},
		{codeMode, "permission bits that are not an octal number in quotes"},
		{codeSoftHard, "a soft limit above the hard limit"},
		{codeEnvironment, "an environment entry that is not NAME=value"},
		{codeCommand, "a command that is not a path"},
		{codeDollar, "a dollar sign that is neither ${NAME} nor $$"},
	}
}
