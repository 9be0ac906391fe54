package revokesessions_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"

	"revoke-sessions/authz/policyfile"
)

// The most words of the README, and characters of a line of a table: a longer row is not
// read but searched.
const (
	mostWords  = 900
	widestLine = 200
)

// TestDocs_AreSound: every link leads to something, the README is short and leads to every
// page, and tables can be read.
func TestDocs_AreSound(t *testing.T) {
	library := os.DirFS(".")
	if n := len(documents(library)); n < 16 {
		t.Errorf("only %d documents", n)
	}
	for _, fault := range docFaults(library) {
		t.Error(fault)
	}
}

// TestDocs_FaultsAreFound breaks one thing at a time in documents that are sound.
func TestDocs_FaultsAreFound(t *testing.T) {
	sound := map[string]string{
		"README.md": "# Bot\n\n[setup](docs/setup.md#2-run-it-now) [code](bot/bot.go) [page](https://example.com/x)\n" +
			"<img src=\"docs/images/later.png\">\n\n| a | b |\n```sh\n# no heading, and [no link](nowhere)\n```\n",
		"docs/setup.md":     "## 2. Run it, *now*\n\n[up](../README.md#bot) [here](#again-1)\n\n## Again\n\n## Again\n",
		"deploy/RUNBOOK.md": "# Runbook\n\n[folder](../bot)\n",
		"bot/bot.go":        "package bot\n",
	}
	files := func(change func(map[string]string)) fs.FS {
		all := maps.Clone(sound)
		change(all)
		library := fstest.MapFS{}
		for name, text := range all {
			library[name] = &fstest.MapFile{Data: []byte(text)}
		}
		return library
	}
	add := func(name, text string) func(map[string]string) {
		return func(all map[string]string) { all[name] += text }
	}
	if faults := docFaults(files(func(map[string]string) {})); len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, broken := range []struct {
		name   string
		change func(map[string]string)
		says   string
	}{
		{"a file that is not there", add("docs/setup.md", "[x](policy.md)"), "docs/setup.md links to policy.md"},
		{"a folder that is not there", add("README.md", "[x](deploy/systemd/)"), "README.md links to deploy/systemd/"},
		{"a heading that is not there", add("README.md", "[x](docs/setup.md#3-stop-it)"), "README.md links to docs/setup.md#3-stop-it"},
		{"a heading of its own that is not there", add("deploy/RUNBOOK.md", "[x](#again)"), "deploy/RUNBOOK.md links to #again"},
		{"a heading inside a block of code", add("docs/setup.md", "[x](../README.md#no-heading-and-no-link)"), "docs/setup.md links to ../README.md#no-heading"},
		{"a third heading of two", add("docs/setup.md", "[x](#again-2)"), "docs/setup.md links to #again-2"},
		{"a picture that is not there", add("docs/images/card.png", ""), "README.md links to docs/images/later.png"},
		{"a picture elsewhere", add("README.md", "<source srcset=\"card.png\">"), "README.md links to card.png"},
		{"a link out of the repository", add("README.md", "[x](../other/README.md)"), "README.md links to ../other/README.md"},
		{"a page that the README does not name", add("docs/policy.md", "# Policy\n"), "README.md does not link to docs/policy.md"},
		{"a wide table", add("docs/setup.md", "| "+strings.Repeat("é", widestLine)+" |\n"), "docs/setup.md has a line of a table of 204 characters"},
		{"a long README", add("README.md", strings.Repeat("word ", mostWords)), "words, more than 900"},
		{"no README", func(all map[string]string) { delete(all, "README.md") }, "README.md"},
	} {
		faults := docFaults(files(broken.change))
		if !slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, broken.says) }) {
			t.Errorf("%s: %q, want %q", broken.name, faults, broken.says)
		}
	}
}

// documents are the Markdown files that people read.
func documents(library fs.FS) (all []string) {
	for _, pattern := range []string{"README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/*.md", "deploy/*.md", "findings/README.md"} {
		found, err := fs.Glob(library, pattern)
		if err != nil {
			panic(err) // a pattern above is none
		}
		all = append(all, found...)
	}
	return all
}

var (
	fenced   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	mdLink   = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)`)
	htmlLink = regexp.MustCompile(`\b(?:src|srcset|href)="([^"]+)"`)
	heading  = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
)

// docFaults says what is wrong with the documents.
func docFaults(library fs.FS) (faults []string) {
	faulty := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	readme := map[string]bool{}
	for _, doc := range documents(library) {
		text, err := fs.ReadFile(library, doc)
		if err != nil {
			faulty("%s: %v", doc, err)
			continue
		}
		prose := fenced.ReplaceAllString(string(text), "")
		for _, m := range slices.Concat(mdLink.FindAllStringSubmatch(prose, -1), htmlLink.FindAllStringSubmatch(prose, -1)) {
			if doc == "README.md" {
				readme[strings.Split(m[1], "#")[0]] = true
			}
			if wrong := linkFault(library, doc, m[1]); wrong != "" {
				faulty("%s links to %s: %s", doc, m[1], wrong)
			}
		}
		for line := range strings.Lines(prose) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > widestLine && strings.HasPrefix(strings.TrimSpace(line), "|") && path.Dir(doc) != "findings" {
				faulty("%s has a line of a table of %d characters: %.60s …", doc, n, line)
			}
		}
		if words := len(strings.Fields(string(text))); doc == "README.md" && words > mostWords {
			faulty("README.md has %d words, more than %d: move something to its page", words, mostWords)
		}
	}
	pages, err := fs.Glob(library, "docs/*.md")
	if err != nil {
		faulty("%v", err)
	}
	for _, page := range pages {
		if !readme[page] {
			faulty("README.md does not link to %s", page)
		}
	}
	return faults
}

// linkFault says why a link leads nowhere; empty if it leads somewhere or out of here.
func linkFault(library fs.FS, doc, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	name, anchor, hasAnchor := strings.Cut(target, "#")
	file := doc
	if name != "" {
		file = path.Join(path.Dir(doc), name)
	}
	if !fs.ValidPath(file) {
		return "that is outside"
	}
	info, err := fs.Stat(library, file)
	if _, pictures := fs.Stat(library, "docs/images"); err != nil && pictures != nil && strings.HasPrefix(file, "docs/images/") {
		return "" // the browser test makes the pictures, and the folder with them
	}
	switch {
	case err != nil:
		return "it is not there"
	case !hasAnchor:
		return ""
	case info.IsDir():
		return "a folder has no headings"
	}
	text, err := fs.ReadFile(library, file)
	if err != nil {
		return err.Error()
	}
	if !slices.Contains(anchors(string(text)), anchor) {
		return "it has no such heading"
	}
	return ""
}

// anchors are what GitHub makes of a document's headings.
func anchors(text string) (all []string) {
	times := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[1], "$1")
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, words)
		if n := times[anchor]; n > 0 {
			all = append(all, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			all = append(all, anchor)
		}
		times[anchor]++
	}
	return all
}

// TestDocs_IdentifiersAreWhereLinksLead: an identifier whose link leads to a Go file is
// declared there.
func TestDocs_IdentifiersAreWhereLinksLead(t *testing.T) {
	link := regexp.MustCompile(`\[([^\]]*)\]\(([^)#\s]+)[^)]*\)`)
	name := regexp.MustCompile("^`(?:\\*?\\w+\\.)*(\\w+)`$")
	found := 0
	for _, doc := range documents(os.DirFS(".")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			label, target := m[1], path.Join(path.Dir(doc), m[2])
			of := name.FindStringSubmatch(label)
			if of == nil || !strings.HasSuffix(target, ".go") || strings.HasSuffix(label, ".go`") || of[1] == path.Base(path.Dir(target)) {
				continue
			}
			source, err := os.ReadFile(target)
			if err != nil {
				t.Errorf("%s: %v", doc, err)
				continue
			}
			found++
			declared := regexp.MustCompile(`(?m)^(?:func (?:\([^)]*\) )?|type |const |var |\t)` + of[1] + `\b`)
			if !declared.Match(source) {
				t.Errorf("%s says that %s is in %s", doc, label, target)
			}
		}
	}
	if found < 10 {
		t.Errorf("only %d identifiers were looked for", found)
	}
}

// TestDocs_SettingsAreAll: docs/settings.md has every setting of Slack's and of the bot's
// own, and no document names one that the code does not know.
func TestDocs_SettingsAreAll(t *testing.T) {
	source := productionSource(t, "cmd/revoke-sessions", "graph/msgraph")
	text, err := os.ReadFile("docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := regexp.MustCompile(`(?m)^- \*\*.*`).FindAllString(string(text), -1)
	known := 0
	for _, m := range regexp.MustCompile(`"((?:REVOKE|SLACK)_[A-Z_]*[A-Z])"`).FindAllStringSubmatch(source, -1) {
		if strings.Contains(m[1], "_TEST_") {
			continue
		}
		known++
		if !slices.ContainsFunc(explained, func(line string) bool { return strings.Contains(line, "**`"+m[1]+"`**") }) {
			t.Errorf("docs/settings.md does not explain %s", m[1])
		}
	}
	if known < 14 {
		t.Errorf("only %d settings were looked for", known)
	}
	setting := regexp.MustCompile(`\b(?:REVOKE|SLACK|AZURE)_[A-Z_]*[A-Z]\b`)
	for _, doc := range documents(os.DirFS(".")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range setting.FindAllString(string(text), -1) {
			if strings.HasPrefix(name, "REVOKE_TEST") || path.Dir(doc) == "findings" {
				continue
			}
			if !strings.Contains(source, `"`+name+`"`) && !strings.Contains(source, `"`+strings.TrimSuffix(name, "_FILE")+`"`) {
				t.Errorf("%s names %s, which is no setting", doc, name)
			}
		}
	}
}

// productionSource is the Go code in some folders and below, but for tests and for the
// demo, which has placeholders that look like settings.
func productionSource(t *testing.T, folders ...string) string {
	t.Helper()
	var all strings.Builder
	for _, folder := range folders {
		err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "demo" {
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path.Join(folder, name))
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestDocs_PoliciesCanBeUsed: the bot would start with each policy that a document shows.
func TestDocs_PoliciesCanBeUsed(t *testing.T) {
	block := regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```")
	found := 0
	for _, doc := range documents(os.DirFS(".")) {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			policy := regexp.MustCompile("(?m)^"+m[1]).ReplaceAllString(m[2], "")
			if !strings.HasPrefix(policy, "version:") {
				continue
			}
			found++
			if _, err := policyfile.Parse([]byte(policy), nil); err != nil {
				t.Errorf("%s shows a policy that cannot be used: %v\n%s", doc, err, policy)
			}
		}
	}
	if found < 2 {
		t.Errorf("only %d policies were tried", found)
	}
}

// TestDocs_RoomsAreDrawnAsTheyAre holds the picture in docs/architecture.md to the list of
// who may import whom. The ground floor is imported by all and drawn for itself.
func TestDocs_RoomsAreDrawnAsTheyAre(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, _ := strings.Cut(string(text), "flowchart TD\n")
	picture, _, _ = strings.Cut(picture, "```")
	rooms := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+)\[([\w/-]+)<br>`).FindAllStringSubmatch(picture, -1) {
		rooms[m[1]] = m[2]
	}
	drawn := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^ +(\w+) --> (.+)$`).FindAllStringSubmatch(picture, -1) {
		for to := range strings.SplitSeq(m[2], " & ") {
			if rooms[m[1]] == "" || rooms[to] == "" {
				t.Errorf("an arrow from or to no room: %s --> %s", m[1], to)
			}
			drawn[rooms[m[1]]] = append(drawn[rooms[m[1]]], rooms[to])
		}
	}
	ground := []string{"authz", "authz/policyfile", "bot", "graph"}
	left := append([]string{"bot/slacktest", "graph/graphtest", "bot/witness"}, forTests...)
	for room, may := range may {
		if slices.Contains(left, room) {
			continue
		}
		if !slices.Contains(slices.Collect(maps.Values(rooms)), room) {
			t.Errorf("%s is not in the picture", room)
		}
		want := slices.DeleteFunc(slices.Clone(may), func(to string) bool {
			return slices.Contains(left, to) || slices.Contains(ground, to) && !slices.Contains(ground, room)
		})
		for _, to := range drawn[room] {
			if !slices.Contains(want, to) {
				t.Errorf("%s does not import %s", room, to)
			}
		}
		for _, to := range want {
			if !slices.Contains(drawn[room], to) && room != "bot/engine" {
				t.Errorf("the picture has no arrow from %s to %s", room, to)
			}
		}
	}
}
