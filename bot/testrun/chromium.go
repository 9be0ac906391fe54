package testrun

import "os/exec"

// ChromiumVariable is the environment variable that says, with "required", that a test in
// a browser must not skip where Chromium is missing.
const ChromiumVariable = "REVOKE_TEST_CHROMIUM"

// chromiums are the names of Chromium and of Chrome, which will do as well.
var chromiums = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Chromium is the path of the installed Chromium. Where there is none it skips the test,
// unless ChromiumVariable says that it must not.
func Chromium(t installer) (path string) {
	t.Helper()
	for _, name := range chromiums {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	skip(t, ChromiumVariable, "Chromium is not installed, so no browser opens the page")
	return ""
}
