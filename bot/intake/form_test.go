package intake

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

func handlerOf(own, other authz.Rule) *Handler {
	return &Handler{desk: &desk{cfg: bot.Config{Policy: authz.Policy{Self: own, ThirdParty: other}}}}
}

// submitted is Bob's form.
func submitted(picked, account, reason string) bot.Arrival {
	return bot.Arrival{
		Kind: bot.FormArrival, CallbackID: bot.FormCallback, ViewID: "V1", Envelope: "E1", UserID: "U0BOB",
		PickedUser: picked, Account: account, Reason: reason,
	}
}

// ackOf is what an ack says.
type ackOf struct {
	Action string            `json:"response_action"`
	Errors map[string]string `json:"errors"`
	View   struct {
		ExternalID string `json:"external_id"`
		Submit     any    `json:"submit"`
	} `json:"view"`
}

func ack(t testing.TB, h *Handler, a bot.Arrival) ackOf {
	t.Helper()
	text, err := json.Marshal(h.FormAck(a))
	if err != nil {
		t.Fatal(err)
	}
	// slack-go sends nothing from 20,480 bytes on, the envelope included.
	if len(text) > 4096 {
		t.Errorf("an ack of %d bytes", len(text))
	}
	var got ackOf
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// The ack shows an error only where no look-up could say anything else.
func TestFormAck_ErrorsThatNeedNoLookUp(t *testing.T) {
	reason, ticket, other := authz.Rule{ReasonRequired: true}, authz.Rule{Ticket: regexp.MustCompile("INC-[0-9]+")},
		authz.Rule{Ticket: regexp.MustCompile("SEC-[0-9]+")}
	none := authz.Rule{}
	long := strings.Repeat("é", bot.MaxReason+1)
	for name, test := range map[string]struct {
		own, others authz.Rule
		form        bot.Arrival
		block, says string // no block: the bot checks
	}{
		"nothing required":                     {none, none, submitted("U0BOB", "", ""), "", ""},
		"a reason in both lanes":               {reason, reason, submitted("U0CAROL", "", ""), "reason", "Please say what happened."},
		"a reason of spaces":                   {reason, reason, submitted("U0CAROL", "", " \u200b\n"), "reason", "Please say what happened."},
		"a reason in the own lane, own":        {reason, none, submitted("U0BOB", "", ""), "reason", "Please say what happened."},
		"a reason in the own lane, another":    {reason, none, submitted("U0CAROL", "", ""), "", ""},
		"a reason in the other lane, own":      {none, reason, submitted("U0BOB", "", ""), "", ""},
		"a reason in the other lane":           {none, reason, submitted("U0CAROL", "", ""), "", ""},
		"a ticket in both lanes":               {ticket, ticket, submitted("U0CAROL", "", "lost"), "reason", "Please name a ticket (it must match INC-[0-9]+)."},
		"a ticket that is there":               {ticket, ticket, submitted("U0CAROL", "", "lost INC-7"), "", ""},
		"a ticket, and nothing":                {ticket, ticket, submitted("U0CAROL", "", ""), "reason", "Please name a ticket (it must match INC-[0-9]+)."},
		"a ticket behind the cut":              {ticket, ticket, submitted("U0CAROL", "", long+"INC-7"), "reason", "At most 500 characters, please."},
		"other tickets, another":               {ticket, other, submitted("U0CAROL", "", "lost"), "", ""},
		"other tickets, own":                   {ticket, other, submitted("U0BOB", "", "lost"), "reason", "Please name a ticket (it must match INC-[0-9]+)."},
		"a reason here, a ticket there":        {reason, ticket, submitted("U0CAROL", "", ""), "", ""},
		"too long":                             {none, none, submitted("U0CAROL", "", long), "reason", "At most 500 characters, please."},
		"just not too long":                    {none, none, submitted("U0CAROL", "", long[2:]), "", ""},
		"nobody":                               {none, none, submitted("", "", "lost"), "reason", "Please choose a person."},
		"no person":                            {none, none, submitted("<!channel>", "", "lost"), "target", "Please choose a person."},
		"an account":                           {none, none, submitted("", " bob@contoso.example ", "lost"), "", ""},
		"an account, no reason":                {reason, reason, submitted("", "bob@contoso.example", ""), "reason", "Please say what happened."},
		"an account, a reason in the own lane": {reason, none, submitted("", "bob@contoso.example", ""), "", ""},
		"no account":                           {none, none, submitted("", "bob", "lost"), "account", "Please give one user principal name, e-mail address or object ID."},
		"two accounts":                         {none, none, submitted("", "a@b.example, c@d.example", ""), "account", "Please give one user principal name, e-mail address or object ID."},
		"a Deny without a reason":              {reason, reason, bot.Arrival{Kind: bot.FormArrival, CallbackID: bot.DenyCallback, Envelope: "E1"}, "", ""},
		"a Deny that is too long": {none, none, bot.Arrival{Kind: bot.FormArrival, CallbackID: bot.DenyCallback, Reason: long},
			"reason", "At most 500 characters, please."},
	} {
		got := ack(t, handlerOf(test.own, test.others), test.form)
		switch {
		case test.block == "" && (got.Action != "update" || len(got.Errors) > 0 || got.View.Submit != nil || got.View.ExternalID != test.form.CheckingID()):
			t.Errorf("%s: %+v, want that the bot checks", name, got)
		case test.block != "" && (got.Action != "errors" || len(got.Errors) != 1 || got.Errors[test.block] != test.says):
			t.Errorf("%s: %+v, want %s: %s", name, got, test.block, test.says)
		}
	}
}

func TestFormAck_OfNothingElse(t *testing.T) {
	h := handlerOf(authz.Rule{}, authz.Rule{})
	for _, kind := range []bot.ArrivalKind{bot.CommandArrival, bot.ClickArrival} {
		if reply := h.FormAck(bot.Arrival{Kind: kind, CallbackID: bot.FormCallback}); reply != nil {
			t.Errorf("a %s is acked with %v", kind, reply)
		}
	}
}

// Whatever is entered, the ack is small, and an error is at a field that the form has.
func FuzzFormAck(f *testing.F) {
	f.Add("U0CAROL", "", "lost", "INC", false, true)
	f.Add("", "a@b.example", strings.Repeat("é", 600), "(", true, false)
	f.Fuzz(func(t *testing.T, picked, account, reason, pattern string, required, deny bool) {
		rule := authz.Rule{ReasonRequired: required}
		if p, err := regexp.Compile(pattern); err == nil {
			rule.Ticket = p
		}
		a := submitted(picked, account, reason)
		if deny {
			a.CallbackID = bot.DenyCallback
		}
		has := []string{bot.FormReasonBlock}
		switch {
		case deny:
		case account != "":
			has = append(has, bot.FormAccountBlock)
		case picked != "":
			has = append(has, bot.FormTargetBlock)
		}
		got := ack(t, handlerOf(rule, rule), a)
		if (got.Action == "errors") != (len(got.Errors) > 0) || got.Action != "errors" && got.Action != "update" {
			t.Errorf("%+v", got)
		}
		for block, text := range got.Errors {
			if !slices.Contains(has, block) || text == "" {
				t.Errorf("error %q at %s", text, block)
			}
		}
	})
}
