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

// Short reports whether fewer approvers could decide than are needed, as far as is
// known.
func (r *Request) Short() bool {
	return r.Coverage.Known && r.Need > 0 && r.Coverage.Able < r.Need
}

// Cancellable reports whether "Cancel request" could do anything. If several people
// asked for the same, none of them can cancel alone.
func (r *Request) Cancellable() bool {
	return r.State == Pending && (r.Lane == authz.Self || len(r.AskedBy()) == 1)
}

// TargetSlackIDs are all Slack accounts that are known to be the target's.
func (r *Request) TargetSlackIDs() []string {
	if r.TargetSlackID == "" {
		return r.TargetAlso
	}
	return append([]string{r.TargetSlackID}, r.TargetAlso...)
}

// ApprovedBy reports whether a person's approval for the decision that is being made is
// stored.
func (r *Request) ApprovedBy(a authz.Actor) bool {
	return slices.ContainsFunc(r.Approvals, func(v Verdict) bool { return v.SlackID == a.SlackID || v.EntraID == a.EntraID })
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

// ReadsDenyAsked reports whether the approver pressed Deny before, and so could read
// that this press denies without a reason.
func (r *Request) ReadsDenyAsked(a Arrival, entraID string) bool {
	return slices.ContainsFunc(r.DenyAsked, func(v Verdict) bool {
		return v.SlackID == a.UserID && v.EntraID == entraID && v.At.Before(a.ReceivedAt)
	})
}

// AsksToDeny notes that an approver pressed Deny, once for each person.
func (r *Request) AsksToDeny(v Verdict) {
	if !slices.ContainsFunc(r.DenyAsked, func(w Verdict) bool { return w.SlackID == v.SlackID && w.EntraID == v.EntraID }) {
		r.DenyAsked = append(slices.Clone(r.DenyAsked), v)
	}
}
