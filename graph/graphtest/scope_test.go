package graphtest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"revoke-sessions/graph/graphtest"
)

// sent posts a body of some type to an endpoint of the tenant.
func (s *session) sent(method, endpoint, kind, body string) reply {
	s.t.Helper()
	return s.send(method, "/"+s.Config().TenantID+"/oauth2/v2.0/"+endpoint, body, http.Header{"Content-Type": {kind}})
}

// describes reports whether an answer of Entra's is an error with a code.
func (r reply) describes(t *testing.T, status int, kind, code string) bool {
	t.Helper()
	body := r.json(t)
	description, _ := body["error_description"].(string)
	return r.status == status && body["error"] == kind && strings.HasPrefix(description, code+": ")
}

func TestScopesOfAnApplication(t *testing.T) {
	s := start(t)
	for name, row := range map[string]struct{ scope, kind, code string }{
		"Graph":             {"https://graph.microsoft.com/.default", "", ""},
		"with a slash":      {"https://graph.microsoft.com//.default", "", ""},
		"by its ID":         {"00000003-0000-0000-C000-000000000000/.default", "", ""},
		"the double":        {s.GraphURL() + "/.default", "", ""},
		"with OpenID's":     {"openid profile https://graph.microsoft.com/.default offline_access", "", ""},
		"none":              {"", "invalid_request", "AADSTS900144"},
		"a permission":      {"https://graph.microsoft.com/User.Read.All", "invalid_scope", "AADSTS1002012"},
		"without resource":  {"User.Read.All", "invalid_scope", "AADSTS1002012"},
		"without a slash":   {"https://graph.microsoft.com.default", "invalid_scope", "AADSTS1002012"},
		"resource alone":    {"https://graph.microsoft.com", "invalid_scope", "AADSTS1002012"},
		"one too many":      {"https://graph.microsoft.com/.default User.Read", "invalid_scope", "AADSTS1002012"},
		"OpenID's alone":    {"openid profile", "invalid_scope", "AADSTS1002012"},
		"another resource":  {"https://vault.example/.default", "invalid_resource", "AADSTS500011"},
		"two resources":     {"https://graph.microsoft.com/.default https://vault.example/.default", "invalid_resource", "AADSTS500011"},
		"Graph of a nation": {"https://graph.microsoft.us/.default", "invalid_resource", "AADSTS500011"},
	} {
		t.Run(name, func(t *testing.T) {
			form := s.tokenForm()
			form.Set("scope", row.scope)
			r := s.postForm(s.Config().TenantID, form)
			if row.code == "" {
				if r.status != http.StatusOK {
					t.Errorf("%d %s", r.status, r.body)
				}
			} else if !r.describes(t, 400, row.kind, row.code) {
				t.Errorf("%d %s, want %s", r.status, r.body, row.code)
			}
		})
	}
}

func TestScopesOfAPerson(t *testing.T) {
	for name, row := range map[string]struct {
		scope, again  string // at the sign-in, and when the machine asks for the tokens
		code          string
		refresh, idOf bool
	}{
		"all that was granted": {"https://graph.microsoft.com/.default offline_access openid", "", "", true, true},
		"one permission":       {"User.Read.All", "User.Read.All", "", false, false},
		"with its resource":    {"https://graph.microsoft.com/user.read.all openid", "", "", false, true},
		"not granted":          {"Mail.Read offline_access", "", "AADSTS65001", false, false},
		"more than was asked":  {"User.Read.All", "Mail.Read", "AADSTS65001", false, false},
		"another resource":     {"User.Read.All", "https://vault.example/.default", "AADSTS500011", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			carol := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			form := url.Values{"client_id": {s.Config().ClientID}, "scope": {row.scope}}
			r := s.sent(http.MethodPost, "devicecode", "application/x-www-form-urlencoded", form.Encode())
			code, _ := r.json(t)["device_code"].(string)
			if err := s.ApproveDevice(r.json(t)["user_code"].(string), carol.ID); err != nil {
				t.Fatal(err)
			}
			form = url.Values{"client_id": {s.Config().ClientID}, "grant_type": {"device_code"}, "device_code": {code}}
			if row.again != "" {
				form.Set("scope", row.again)
			}
			got, body := s.tokenCode(form)
			if got != row.code || (body["refresh_token"] != nil) != row.refresh || (body["id_token"] != nil) != row.idOf {
				t.Errorf("%q %v", got, body)
			}
		})
	}
	s := start(t)
	form := url.Values{"client_id": {s.Config().ClientID}, "scope": {"https://vault.example/.default"}}
	if r := s.sent(http.MethodPost, "devicecode", "application/x-www-form-urlencoded", form.Encode()); !r.describes(t, 400, "invalid_resource", "AADSTS500011") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestContentTypes(t *testing.T) {
	s := start(t)
	form := s.tokenForm().Encode()
	const multipart = "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n"
	for name, row := range map[string]struct {
		method, endpoint, kind, body string
		code, says                   string
	}{
		"a form":             {"POST", "token", "application/x-www-form-urlencoded; charset=utf-8", form, "", ""},
		"JSON":               {"POST", "token", "application/json", `{"grant_type":"client_credentials"}`, "AADSTS900144", "'grant_type'"},
		"a form called JSON": {"POST", "token", "application/json; charset=utf-8", form, "AADSTS9000410", "Malformed JSON"},
		"plain text":         {"POST", "token", "text/plain", form, "AADSTS900144", "'grant_type'"},
		"multipart":          {"POST", "token", "multipart/form-data; boundary=x", multipart, "AADSTS900144", "'grant_type'"},
		"no type":            {"POST", "token", "", form, "AADSTS900144", "'grant_type'"},
		"broken form":        {"POST", "token", "application/x-www-form-urlencoded", "%zz", "AADSTS900144", "'grant_type'"},
		"in the query":       {"POST", "token?" + form, "application/x-www-form-urlencoded", "", "AADSTS900144", "'grant_type'"},
		"GET":                {"GET", "token?" + form, "", "", "AADSTS900561", "GET request"},
		"no client":          {"POST", "token", "application/x-www-form-urlencoded", "grant_type=client_credentials", "AADSTS900144", "'client_id'"},
		"no device code": {"POST", "token", "application/x-www-form-urlencoded",
			"grant_type=device_code&client_id=" + s.Config().ClientID, "AADSTS900144", "'device_code'"},
		"no refresh token": {"POST", "token", "application/x-www-form-urlencoded",
			"grant_type=refresh_token&client_id=" + s.Config().ClientID, "AADSTS900144", "'refresh_token'"},
		"codes by JSON":     {"POST", "devicecode", "application/json", `{"client_id":"x"}`, "AADSTS900144", "'client_id'"},
		"codes for nothing": {"POST", "devicecode", "application/x-www-form-urlencoded", "client_id=" + s.Config().ClientID, "AADSTS900144", "'scope'"},
		"codes by GET":      {"GET", "devicecode", "", "", "AADSTS900561", "GET request"},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.sent(row.method, row.endpoint, row.kind, row.body)
			if kind := r.header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %s", kind)
			}
			if row.code == "" {
				if r.status != http.StatusOK {
					t.Errorf("%d %s", r.status, r.body)
				}
			} else if !r.describes(t, 400, "invalid_request", row.code) || !strings.Contains(r.body, row.says) {
				t.Errorf("%d %s, want %s", r.status, r.body, row.code)
			}
		})
	}
}
