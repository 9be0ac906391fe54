package graphtest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"revoke-sessions/graph/graphtest"
)

// handOut asks for a device code.
func (s *session) handOut() (deviceCode, userCode string) {
	s.t.Helper()
	form := url.Values{"client_id": {s.Config().ClientID}, "scope": {s.URL() + "/.default openid offline_access"}}
	response, err := s.Client().PostForm(s.URL()+"/"+s.Config().TenantID+"/oauth2/v2.0/devicecode", form)
	if err != nil {
		s.t.Fatal(err)
	}
	r := read(s.t, response)
	body := r.json(s.t)
	deviceCode, _ = body["device_code"].(string)
	userCode, _ = body["user_code"].(string)
	if r.status != http.StatusOK || deviceCode == "" || userCode == "" || body["message"] == "" {
		s.t.Fatalf("%d %s", r.status, r.body)
	}
	return deviceCode, userCode
}

func (s *session) grant(kind, name, value string) (string, map[string]any) {
	s.t.Helper()
	return s.tokenCode(url.Values{"grant_type": {kind}, name: {value},
		"client_id": {s.Config().ClientID}, "scope": {s.URL() + "/.default offline_access"}})
}

func (s *session) poll(deviceCode string) (string, map[string]any) {
	s.t.Helper()
	return s.grant("urn:ietf:params:oauth:grant-type:device_code", "device_code", deviceCode)
}

func TestDeviceCode(t *testing.T) {
	s := start(t)
	carol := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	expect := func(deviceCode, want string) {
		t.Helper()
		if code, body := s.poll(deviceCode); code != want {
			t.Errorf("%q %v, want %q", code, body, want)
		}
	}
	deviceCode, userCode := s.handOut()
	expect("nonsense", "AADSTS70018")
	expect(deviceCode, "AADSTS70016")
	s.SlowDown(1)
	expect(deviceCode, "slow_down")
	expect(deviceCode, "AADSTS70016")
	must(s.ApproveDevice(userCode, carol.ID))
	s.SetPublicClient(false)
	expect(deviceCode, "AADSTS7000218")

	s.SetPublicClient(true)
	deviceCode, userCode = s.handOut()
	must(s.ApproveDevice(userCode, carol.ID))
	expect(deviceCode, "")
	expect(deviceCode, "AADSTS54005")

	deviceCode, userCode = s.handOut()
	must(s.DeclineDevice(userCode))
	expect(deviceCode, "authorization_declined")

	deviceCode, userCode = s.handOut()
	must(s.ExpireDevice(userCode))
	expect(deviceCode, "AADSTS70020")

	deviceCode, _ = s.handOut()
	s.clock.advance(16 * time.Minute)
	expect(deviceCode, "AADSTS70020")

	if s.ApproveDevice("nonsense", carol.ID) == nil || s.DeclineDevice(userCode+"x") == nil {
		t.Error("a code that was never handed out was taken")
	}
	_, userCode = s.handOut()
	if s.ApproveDevice(userCode, "nobody") == nil {
		t.Error("nobody has signed in")
	}
	if codes := s.UserCodes(); codes[len(codes)-1] != userCode {
		t.Errorf("%v does not end in %s", codes, userCode)
	}
}

func TestRefreshTokens(t *testing.T) {
	disable := func(s *session, u graphtest.User) {
		u.AccountEnabled = new(false)
		s.AddUser(u)
	}
	for name, row := range map[string]struct {
		happens func(*session, graphtest.User)
		code    string
	}{
		"nothing":          {func(*session, graphtest.User) {}, ""},
		"tokens revoked":   {func(s *session, u graphtest.User) { s.do("POST", "/beta/users/"+u.ID+"/invalidateAllRefreshTokens") }, "AADSTS50173"},
		"sessions revoked": {func(s *session, u graphtest.User) { s.do("POST", "/v1.0/users/"+u.ID+"/revokeSignInSessions") }, "AADSTS50173"},
		"somebody else's": {func(s *session, _ graphtest.User) {
			s.do("POST", "/beta/users/"+s.AddUser(graphtest.User{}).ID+"/revokeSignInSessions")
		}, ""},
		"unused for long":        {func(s *session, _ graphtest.User) { s.IdleRefreshTokens() }, "AADSTS700082"},
		"account disabled":       {disable, "AADSTS50057"},
		"no public client":       {func(s *session, _ graphtest.User) { s.SetPublicClient(false) }, "AADSTS7000218"},
		"access tokens are over": {func(s *session, _ graphtest.User) { s.ExpireTokens() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			carol := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
			deviceCode, userCode := s.handOut()
			if err := s.ApproveDevice(userCode, carol.ID); err != nil {
				t.Fatal(err)
			}
			_, tokens := s.poll(deviceCode)
			refreshToken, _ := tokens["refresh_token"].(string)
			row.happens(s, carol)
			code, body := s.grant("refresh_token", "refresh_token", refreshToken)
			if code != row.code {
				t.Fatalf("%q %v, want %q", code, body, row.code)
			}
			if code != "" {
				return
			}
			// The new access token is one that Graph takes.
			s.token, _ = body["access_token"].(string)
			if r := s.do(http.MethodGet, "/beta/users/"+carol.ID); r.status != http.StatusOK {
				t.Errorf("%d %s", r.status, r.body)
			}
			if body["refresh_token"] == refreshToken || body["id_token"] == nil || body["client_info"] != tokens["client_info"] {
				t.Errorf("%v", body)
			}
		})
	}
	s := start(t)
	if code, _ := s.grant("refresh_token", "refresh_token", "nonsense"); code != "AADSTS9002313" {
		t.Errorf("nonsense: %q", code)
	}
}

func TestRefreshIn(t *testing.T) {
	s := start(t)
	if _, body := s.tokenCode(s.tokenForm()); body["refresh_in"] != nil {
		t.Errorf("%v", body)
	}
	s.SetRefreshIn(-2 * time.Second)
	if _, body := s.tokenCode(s.tokenForm()); body["refresh_in"] != -2.0 {
		t.Errorf("%v", body)
	}
}
