// Package bot is the ground floor of the product: the request and its state machine,
// commands, limits, due times, the rows of the audit chain, and the ports to everything
// outside (Store, Entra). It asks authz who may, and speaks of Entra in graph's words. It
// does no I/O; the packages below it do, and package engine puts them together.
//
// Everything follows one order: persist, then ack, then act, then tell.
package bot
