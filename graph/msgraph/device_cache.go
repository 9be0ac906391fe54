//go:build linux || windows || (darwin && cgo)

package msgraph

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity/cache"
)

// cacheName keeps our sign-ins apart from those of other programs.
const cacheName = "revoke-sessions"

// persistentCache is where the operating system keeps a sign-in: encrypted for
// the user on Windows, in the keychain on macOS, and on Linux in a file under
// ~/.cache/.IdentityService whose key is in the kernel's keyring, so that it
// ends when the machine is started anew. It is never kept unencrypted.
//
// It is tried out with a write and a read, once in a process.
func persistentCache() (azidentity.Cache, error) {
	c, err := cache.New(&cache.Options{Name: cacheName})
	if err != nil {
		return azidentity.Cache{}, fmt.Errorf("%w: %w. On Linux the key is kept in the kernel's keyring. Containers "+
			"may use it only if their seccomp profile allows add_key, keyctl and request_key. "+
			"Allow that, or let the bot use an app of its own", errNoCache, err)
	}
	return c, nil
}
