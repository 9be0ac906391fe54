package listen

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"

	"revoke-sessions/bot"
)

// Ask gets the address of one socket, which is valid for a short time. It opens no socket,
// so it takes no envelope from a running bot. The error is a *Fatal if a retry cannot help.
func Ask(ctx context.Context, api *slack.Client) (address bot.Secret, err error) {
	_, url, err := api.StartSocketModeContext(ctx)
	if f := fatal(err); f != nil {
		return "", f
	}
	if err != nil {
		return "", fmt.Errorf("apps.connections.open: %s", bot.Clean(reason(err), 200))
	}
	if url == "" {
		return "", errors.New("apps.connections.open: Slack answered without an address")
	}
	return bot.Secret(url), nil
}

// Greeting is Slack's first message on a socket.
type Greeting struct {
	// AppID is the app that the app-level token belongs to; it may be empty.
	AppID string
	// Sockets is how many Slack counts for the app, including this one.
	Sockets int
}

// Greet opens the socket at an address from Ask, reads Slack's first message and closes it.
// It acks nothing. While the socket is open, Slack may send an envelope to it; that envelope
// is lost, and the person reads that the app did not answer. So call Greet only if an
// operator asks for it.
func Greet(ctx context.Context, address bot.Secret) (Greeting, error) {
	dialer := &websocket.Dialer{Proxy: http.ProxyFromEnvironment, NetDialContext: (&net.Dialer{}).DialContext,
		HandshakeTimeout: handshakeTimeout}
	conn, _, err := dialer.DialContext(ctx, string(address), nil)
	if err != nil {
		return Greeting{}, fmt.Errorf("open a socket: %s", bot.Clean(reason(err), 200))
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	conn.SetReadLimit(maxFrame)
	_, frame, err := conn.ReadMessage()
	if err != nil {
		return Greeting{}, errors.New("wait for the first message on a Slack socket: the connection ended")
	}
	// Close properly, so that Slack sends no envelope to this socket.
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	var said struct {
		Type   string `json:"type"`
		Reason string `json:"reason"`
		Number int    `json:"num_connections"`
		Info   struct {
			AppID string `json:"app_id"`
		} `json:"connection_info"`
	}
	switch err := json.Unmarshal(frame, &said); {
	case err != nil || said.Type == "":
		return Greeting{}, errors.New("the first message on a Slack socket cannot be read")
	case said.Type != "hello":
		return Greeting{}, fmt.Errorf("the first message on a Slack socket is %s %s, not hello", bot.Clean(said.Type, 40),
			bot.Clean(said.Reason, 40))
	}
	return Greeting{AppID: said.Info.AppID, Sockets: said.Number}, nil
}
