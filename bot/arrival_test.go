package bot

import "testing"

func TestActKey_DiffersBetweenActs(t *testing.T) {
	keys := map[string]string{}
	for name, k := range map[string]string{
		"command":       ActKey(CommandArrival, "1"),
		"form":          ActKey(FormArrival, "1"),
		"click":         ActKey(ClickArrival, "C1", "1", "U1", "2"),
		"another time":  ActKey(ClickArrival, "C1", "1", "U1", "3"),
		"another user":  ActKey(ClickArrival, "C1", "1", "U2", "2"),
		"shifted parts": ActKey(ClickArrival, "C11", "", "U1", "2"),
		"quoted parts":  ActKey(ClickArrival, `C1""1`, "U1", "2"),
	} {
		if other, ok := keys[k]; ok {
			t.Errorf("%s and %s have the same key", name, other)
		}
		keys[k] = name
	}
}

func TestArrival_ViewKey(t *testing.T) {
	if key := (Arrival{Kind: FormArrival}).ViewKey(); key != "" {
		t.Errorf("a form of an earlier version, without a view, has the key %s", key)
	}
	if (Arrival{Kind: FormArrival, ViewID: "V1"}).ViewKey() == (Arrival{Kind: FormArrival, ViewID: "V2"}).ViewKey() {
		t.Error("two views have one key")
	}
}

func TestArrival_DecidesNotByOpeningAForm(t *testing.T) {
	for a, want := range map[Arrival]bool{
		{Kind: ClickArrival, ActionID: ActionDeny}:       true,
		{Kind: ClickArrival, ActionID: ActionForm}:       false,
		{Kind: ClickArrival, ActionID: ActionDetails}:    false,
		{Kind: ClickArrival, ActionID: ActionUnfreeze}:   true,
		{Kind: ClickArrival, ActionID: ActionApprove}:    true,
		{Kind: FormArrival, CallbackID: DenyCallback}:    true,
		{Kind: FormArrival, CallbackID: FormCallback}:    false,
		{Kind: CommandArrival, Text: "me lost my phone"}: false,
	} {
		if a.Decides() != want {
			t.Errorf("%s %s%s decides: %v", a.Kind, a.ActionID, a.CallbackID, !want)
		}
	}
}
