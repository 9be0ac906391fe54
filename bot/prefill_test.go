package bot

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestFilledFrom(t *testing.T) {
	const id = "00000000-0000-4000-8000-00000000000a"
	for text, want := range map[string]Filled{
		"me":                                 {PickedUser: "U1"},
		"me lost my phone":                   {PickedUser: "U1", Reason: "lost my phone"},
		"<@U2|carol> stolen &amp; gone":      {PickedUser: "U2", Reason: "stolen & gone"},
		"carol@contoso.example stolen":       {Account: "carol@contoso.example", Reason: "stolen"},
		"<mailto:c@x.example|c@x.example> a": {Account: "c@x.example", Reason: "a"},
		strings.ToUpper(id) + " stolen":      {Account: id, Reason: "stolen"},
		"":                                   {PickedUser: "U1"},
		"lost my phone":                      {PickedUser: "U1", Reason: "lost my phone"},
		"lost phone":                         {Reason: "lost phone"},
		"help I lost my phone":               {PickedUser: "U1", Reason: "help I lost my phone"},
		"status x":                           {Reason: "status x"},
		"cancel <@U2>":                       {Reason: "cancel @U2"},
		"Drill bob":                          {Reason: "Drill bob"},
		"unfreeze <@U2>":                     {Reason: "unfreeze @U2"},
		"@carol stolen laptop":               {Reason: "@carol stolen laptop"},
		"<@U2|carol> and <@U3|dan> stolen":   {Reason: "@carol and @dan stolen"},
		"<@U2>,<@U3> stolen":                 {Reason: "@U2,@U3 stolen"},
		"lost by <@W2|carol>":                {Reason: "lost by @carol"},
		"<!channel>":                         {Reason: "@channel"},
	} {
		if got, ok := FilledFrom(Arrival{Kind: CommandArrival, UserID: "U1", Text: text}); !ok || got != want {
			t.Errorf("%q fills in %+v %v, want %+v", text, got, ok, want)
		}
	}
	for want, a := range map[Filled]Arrival{
		{PickedUser: "U2"}: {Kind: ShortcutArrival, CallbackID: MessageShortcut, UserID: "U1", PickedUser: "U2"},
		{}:                 {Kind: ShortcutArrival, CallbackID: MessageShortcut, UserID: "U1"},
		{PickedUser: "U1"}: {Kind: ShortcutArrival, CallbackID: LostShortcut, UserID: "U1"},
		{PickedUser: "U3"}: {Kind: ClickArrival, ActionID: ActionHomeOwn, UserID: "U3"},
	} {
		if got, ok := FilledFrom(a); !ok || got != want {
			t.Errorf("%+v fills in %+v %v", a, got, ok)
		}
	}
	if got, ok := FilledFrom(Arrival{Kind: ClickArrival, ActionID: ActionHomeOther, UserID: "U1"}); !ok || got != (Filled{}) {
		t.Errorf("the other button fills in %+v %v", got, ok)
	}
	if f := (Filled{Account: "c@x.example", Reason: "stolen"}); f.Own("U1") != (Filled{PickedUser: "U1", Reason: "stolen"}) || f.Nobody() != (Filled{Reason: "stolen"}) {
		t.Errorf("%+v, %+v", f.Own("U1"), f.Nobody())
	}
	form := Arrival{Kind: FormArrival, CallbackID: FormCallback, UserID: "U1", PickedUser: "U2", Reason: " stolen\n\u202elaptop "}
	if got, ok := FilledFrom(form); !ok || got != (Filled{PickedUser: "U2", Reason: "stolen laptop"}) {
		t.Errorf("a form fills in %+v %v", got, ok)
	}
}

// The form asks for a real revoke, so nothing else leads to it: least of all a drill.
func TestFilledFrom_NothingElse(t *testing.T) {
	for _, text := range []string{
		"help", "status", "status REQ-7F3K4M", "cancel", "cancel REQ-7F3K4M", "cancel REQ-7F3K4M now", "drill", "drill <@U2> and <@U3>", "drill <@U2>",
		"freeze", "freeze now", "unfreeze",
	} {
		if got, ok := FilledFrom(Arrival{Kind: CommandArrival, UserID: "U1", Text: text}); ok {
			t.Errorf("%q fills in %+v", text, got)
		}
	}
	for _, a := range []Arrival{
		{Kind: ClickArrival, Value: "me lost", Text: "me lost"}, {Kind: FormArrival, CallbackID: DenyCallback, Reason: "no"}, {},
	} {
		if got, ok := FilledFrom(a); ok {
			t.Errorf("%+v fills in %+v", a, got)
		}
	}
}

func FuzzFilledFrom(f *testing.F) {
	for _, text := range []string{"me lost", "<@U2|x> and <@U3>", "a@b.example " + strings.Repeat("é", 600), "drill <@U2>", strings.Repeat("😀", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filled, ok := FilledFrom(Arrival{Kind: CommandArrival, UserID: "U1", Text: text})
		if !ok && filled != (Filled{}) {
			t.Errorf("filled in, and not: %+v", filled)
		}
		if filled.PickedUser != "" && (filled.Account != "" || !SlackUser.MatchString(filled.PickedUser)) {
			t.Errorf("who is meant: %+v", filled)
		}
		if filled.Account != "" {
			if _, ok := ParseAccount(filled.Account); !ok {
				t.Errorf("no account: %q", filled.Account)
			}
		}
		if n := len(utf16.Encode([]rune(filled.Reason))); n > MaxReason || utf8.RuneCountInString(filled.Account) > MaxAddress {
			t.Errorf("Slack takes no field that long: %d", n)
		}
		if strings.ContainsFunc(filled.Reason, hidden) {
			t.Errorf("hidden characters: %q", filled.Reason)
		}
		if cmd, err := ParseCommand(text); err == nil && ok != (cmd.Verb == AskVerb || cmd.Verb == FormVerb) {
			t.Errorf("%q is %s, and fills in the form: %v", text, cmd.Verb, ok)
		}
	})
}

func FuzzParseFormMetadata(f *testing.F) {
	for _, s := range []string{"", "17", "17 18", " 18", "x", "-1", "+1", "9223372036854775808", "1 2 3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := ParseFormMetadata(s)
		if m.Opened < 0 || m.Refused < 0 || ParseFormMetadata(m.String()) != m {
			t.Errorf("%q is read as %+v", s, m)
		}
	})
}

func TestParseFormMetadata(t *testing.T) {
	for s, want := range map[string]FormMetadata{
		"17": {Opened: 17}, "17 18": {17, 18}, "": {}, "x": {}, "-4": {}, "17 x": {Opened: 17},
	} {
		if got := ParseFormMetadata(s); got != want {
			t.Errorf("%q is read as %+v, want %+v", s, got, want)
		}
	}
}
