package bot

import (
	"slices"

	"revoke-sessions/authz"
	"revoke-sessions/graph"
)

// AskedBy are the Slack IDs of the askers, each once. Askers may hold one twice, if it
// led to another Entra account when that person asked again.
func (r *Request) AskedBy() (ids []string) {
	for _, a := range r.Askers {
		if !slices.Contains(ids, a.SlackID) {
			ids = append(ids, a.SlackID)
		}
	}
	return ids
}

// Requester is the first asker.
func (r *Request) Requester() authz.Asker { return r.Askers[0] }

// Matter is the request as authz sees it, with the target as known when the card was
// made.
func (r *Request) Matter() authz.Matter {
	return authz.Matter{Lane: r.Lane, Askers: r.Askers, AskersAlso: r.AskersAlso, Reason: r.Words.Reason, Target: authz.Target{
		EntraID: r.Target.ID, SlackIDs: r.TargetSlackIDs(), MemberOf: r.TargetIn, Privileged: r.Privileged != graph.No,
	}}
}

// OnlySelf reports whether the reporter's own Confirm is enough.
func (r *Request) OnlySelf() bool { return r.Lane == authz.Self && r.Need == 0 }

// TargetSlackIDs are all Slack accounts that are known to be the target's.
func (r *Request) TargetSlackIDs() []string {
	if r.TargetSlackID == "" {
		return r.TargetAlso
	}
	return append([]string{r.TargetSlackID}, r.TargetAlso...)
}

// Givers are the approvals behind the decision in force that were given in Slack,
// oldest first.
func (r *Request) Givers() []Verdict {
	v := r.Verdict()
	switch {
	case r.AtConsole():
		return nil
	case v.Kind == authz.TimeOut:
		return slices.Clone(v.Others) // fewer than needed
	}
	last := *v
	last.Others = nil
	return append(slices.Clone(v.Others), last)
}

// Inform lists the Slack IDs of those who decided and did not ask. Askers read the
// outcome in a message of their own.
func (r *Request) Inform() (ids []string) {
	v := r.Verdict()
	if v == nil {
		return nil
	}
	asked := map[string]bool{"": true} // a timeout has no Slack ID
	for _, a := range r.Askers {
		asked[a.SlackID] = true
	}
	for _, id := range append(slackIDs(v.Others), v.SlackID) {
		if !asked[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

func slackIDs(verdicts []Verdict) (ids []string) {
	for _, v := range verdicts {
		ids = append(ids, v.SlackID)
	}
	return ids
}
