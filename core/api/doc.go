// Package api is what the control API speaks: the values that the manager shows and takes, with their names in JSON.
//
// The manager's machine makes them, the control socket serves them, and the commands of the supervisor print them. The
// descriptions are in openapi.yaml of package control, which a test compares with these types.
package api
