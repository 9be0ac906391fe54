package bot

import (
	"strings"
	"testing"
)

func TestParseAccount(t *testing.T) {
	long := strings.Repeat("a", MaxAddress-len("@contoso.example")) + "@contoso.example"
	for _, row := range []struct {
		text string
		want Whom
	}{
		{"0C0C0C0C-1111-4222-8333-4444ABCDEF00", Whom{ObjectID: "0c0c0c0c-1111-4222-8333-4444abcdef00"}},
		{"Carol@Contoso.Example", Whom{Address: "Carol@Contoso.Example"}},
		{"carol_gmail.com#EXT#@contoso.example", Whom{Address: "carol_gmail.com#EXT#@contoso.example"}},
		{"o’neill@contoso.example", Whom{Address: "o'neill@contoso.example"}},
		{"jörg@müller.example", Whom{Address: "jörg@müller.example"}},
		{"R&amp@contoso.example", Whom{Address: "R&amp@contoso.example"}}, // no entities here
		{long, Whom{Address: long}},
	} {
		if got, ok := ParseAccount(row.text); !ok || got != row.want {
			t.Errorf("%q is %+v, %v; want %+v", row.text, got, ok, row.want)
		}
	}
	for _, text := range []string{
		"", " ", "me", "ME", "@carol", "carol", ".", "..", "-", "@", "@contoso.example", "carol@", "a@b@c",
		"<@U0CAROL>", "<@U0CAROL|carol>", "<mailto:carol@contoso.example>", "<!channel>", "U0CAROL",
		" carol@contoso.example", "carol@contoso.example ", "carol@contoso.example\n", "carol @contoso.example", "a@b,c@d", `"carol"@contoso.example`,
		"carol\x00@contoso.example", "carol\x1b[31m@contoso.example", "car\u202eol@contoso.example", "carol\u200b@contoso.example", "car\u2028ol@contoso.example",
		"car\xffol@contoso.example", "car\ufffdol@contoso.example", "a" + long, "0c0c0c0c-1111-4222-8333-4444abcdef0", "{0c0c0c0c-1111-4222-8333-4444abcdef00}",
	} {
		if got, ok := ParseAccount(text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}
