package main

import "net/http"

func (s *stage) page() http.Handler { return http.NotFoundHandler() }
