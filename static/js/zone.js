/* Deadlines are written in UTC; this adds the reader's own time where it differs. Airport times carry no zone and stay. */
'use strict';
(() => {
  for (const time of document.querySelectorAll('main time[datetime$="+00:00"]')) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.getTime()) || when.getTimezoneOffset() === 0) continue;
    const clock = when.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    const sameDay = when.getDate() === when.getUTCDate();
    const day = sameDay ? '' : `${when.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' }).replace(',', '')}, `;
    time.append(` (${day}${clock} your time)`);
  }
})();
