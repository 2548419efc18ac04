/* The hidden frame: reads intents for pages that show no payment form. */
(function () {
  'use strict';
  window.SandboxFrame.on('retrieve', ({ key, clientSecret }) => window.SandboxFrame.retrieve(key, clientSecret));
})();
