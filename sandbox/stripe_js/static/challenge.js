/* The stand-in for the cardholder's bank: in a dialog over the shop, or as a page of its own (redirect=1). */
(function () {
  'use strict';
  const frame = window.SandboxFrame;
  const asked = new URLSearchParams(location.search);
  const buttons = [...document.querySelectorAll('button')];
  const status = document.getElementById('status');
  frame.on('hello', () => ({}));

  async function end(success) {
    buttons.forEach((button) => { button.disabled = true; });
    status.textContent = 'One moment …';
    const answer = await frame.call('pk_test_challenge_page', 'POST', '/3ds2/complete', {
      payment_intent: asked.get('payment_intent'),
      token: asked.get('token'),
      success,
    });
    if (asked.get('redirect') === '1') {
      if (answer.error) status.textContent = answer.error.message;
      else window.location.assign(answer.body.redirect_url);
      return;
    }
    status.textContent = answer.error ? answer.error.message : 'Done.';
    frame.tell('challenge-done', {});
  }

  buttons.forEach((button) => button.addEventListener('click', () => end(button.id === 'complete')));
})();
