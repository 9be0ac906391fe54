package bot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecret_ShowsNowhere(t *testing.T) {
	const text = "https://hooks.slack.com/commands/T1/2/hunter2"
	s := Secret(text)
	holder := struct {
		Name   string
		Secret Secret
		Ptr    *Secret
		List   []Secret
		Keyed  map[string]Secret
	}{"x", s, &s, []Secret{s}, map[string]Secret{"k": s}}
	arrival := Arrival{TriggerID: s, ResponseURL: s}

	shown := map[string]string{"String": s.String(), "GoString": s.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for name, value := range map[string]any{"secret": s, "list": []Secret{s}, "holder": struct{ A Secret }{s}, "arrival": arrival} {
			shown[verb+" "+name] = fmt.Sprintf(verb, value)
		}
	}
	for name, value := range map[string]any{"secret": s, "holder": holder, "arrival": arrival} {
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		shown["json "+name] = string(b)
	}
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b bytes.Buffer
		log := slog.New(handler(&b)).With("with", s)
		log.Info("x", "secret", s, "holder", holder, "list", []Secret{s}, "arrival", arrival, "error", fmt.Errorf("post to %s: %w", s, errors.New("no")))
		shown["slog "+name] = b.String()
	}
	shown["error"] = fmt.Errorf("post to %v: %w", s, errors.New("no")).Error()
	for how, got := range shown {
		if strings.Contains(got, "hunter2") || strings.Contains(got, "hooks.slack.com") {
			t.Errorf("%s shows it: %s", how, got)
		}
	}
	for _, how := range []string{"String", "%v secret", "%s secret", "%#v secret", "json secret", "slog text", "slog json", "error"} {
		if !strings.Contains(shown[how], redacted) {
			t.Errorf("%s does not say that something is left out: %s", how, shown[how])
		}
	}
	if string(s) != text {
		t.Error("the one place that needs it cannot have it")
	}
	if got := Secret("").String(); got != "" {
		t.Errorf("no secret shows as %q", got)
	}
}
