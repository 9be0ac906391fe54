// Package bot is the core of the product: the request and its state machine, commands,
// limits, due times, audit rows, and the interfaces to everything outside (Store,
// Entra). It asks authz who may do what, and uses the types of graph for Entra. It does
// no I/O; its subpackages do, and package engine puts them together.
//
// Everything follows one order: persist, ack, act, tell.
package bot
