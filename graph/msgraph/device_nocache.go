//go:build !(linux || windows || (darwin && cgo))

package msgraph

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// persistentCache is where the operating system keeps a sign-in, for which
// this build knows no place.
func persistentCache() (azidentity.Cache, error) {
	return azidentity.Cache{}, fmt.Errorf("%w: this build has no safe place for it on this operating system. "+
		"Let the bot use an app of its own", errNoCache)
}
