"""One file on its way into the bucket and back, whatever happens on the way."""

from __future__ import annotations

import hashlib
import io
import secrets

import pytest

from backups.encryption import decrypted
from backups.errors import BackupInvalid, OffsiteDamaged, OffsiteFailed, OffsiteMissing
from backups.offsite import bucket, transfer
from backups.offsite.transfer import Sent, Source
from jobs.progress import SILENT
from tests.backups.conftest import KEY, OLD_KEY, Watcher
from tests.backups.offsite import s3
from tests.backups.offsite.conftest import PREFIX

TEXT = secrets.token_bytes(4_500)  # five parts
NAME = "backup_20261122T020000Z.sql.gz"
OBJECT = f"{PREFIX}{NAME}.enc"


@pytest.fixture(autouse=True)
def _small_frames(monkeypatch, small_parts):
    monkeypatch.setattr("backups.encryption.FRAME_BYTES", 300)
    monkeypatch.setattr(transfer, "BLOCK_BYTES", 500)


def source(text: bytes = TEXT, claimed: bytes | None = None) -> Source:
    text_claimed = text if claimed is None else claimed
    return Source(NAME, len(text), hashlib.sha256(text_claimed).hexdigest(), lambda: io.BytesIO(text))


class Sending:
    """A copy that is tried until it is done, as the schedule does."""

    def __init__(self, bucket) -> None:
        self.bucket = bucket
        self.kept: Sent | None = None

    def keep(self, sent: Sent) -> None:
        self.kept = sent

    def __call__(self, what: Source | None = None, progress=SILENT) -> Sent:
        return transfer.send(self.bucket, what or source(), self.kept, self.keep, progress)


@pytest.fixture
def sending(bucket) -> Sending:
    return Sending(bucket)


def stored(remote) -> bytes:
    return remote.Object(OBJECT).get()["Body"].read()


class TestSend:
    @pytest.mark.parametrize("size", [0, 1, 999, 2_000, 4_500])
    def test_what_lies_there_is_the_file_for_who_has_the_key(self, sending, remote, size):
        text = TEXT[:size]
        sent = sending(source(text))

        assert b"".join(decrypted(io.BytesIO(stored(remote)))) == text
        assert sent.sha256 == hashlib.sha256(stored(remote)).hexdigest()
        assert sent.version == remote.Object(OBJECT).version_id
        transfer.read_back(sending.bucket, source(text), sent, SILENT)

    def test_a_bucket_without_versions_does_too(self, sending, remote):
        remote.Versioning().suspend()

        assert sending().version is None

    def test_each_body_is_signed_once_by_its_md5_or_its_sha256(self, sending, server):
        signed = {"PUT": set(), "POST": set()}

        def noting(app, environ, start):
            named = environ["HTTP_AUTHORIZATION"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
            signed[environ["REQUEST_METHOD"]].add(
                ("content-md5" in named, environ["HTTP_X_AMZ_CONTENT_SHA256"] == "UNSIGNED-PAYLOAD")
            )
            return app(environ, start)

        with server.failing(noting, method="PUT"), server.failing(noting, method="POST"):
            sending()

        assert signed == {"PUT": {(True, True)}, "POST": {(False, False)}}

    def test_tells_how_far_it_is(self, sending):
        watcher = Watcher()
        sending(progress=watcher)

        assert watcher.amounts == {f"Copy {NAME}": len(TEXT)}

    def test_a_passing_refusal_is_none(self, sending, server):
        with server.failing(s3.refusing(), method="PUT", times=1):
            assert sending().is_there

    def test_a_file_that_was_changed_is_not_sent(self, sending, remote):
        with pytest.raises(BackupInvalid, match="changed since it was made"):
            sending(source(TEXT, claimed=b"other"))

        assert list(remote.objects.all()) == []
        assert list(remote.multipart_uploads.all()) == []


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "message"),
        [
            (s3.refusing("403 Forbidden", "AccessDenied"), "The bucket refuses: AccessDenied"),
            (s3.refusing("500 Oh", "<script>"), "The bucket refuses: 500"),
            (s3.dying, "The bucket can't be reached"),
            (s3.with_etag("0" * 32), "has other bytes than were sent"),
        ],
        ids=["refused", "refused in no words of S3", "dying", "wrong etag"],
    )
    def test_is_told_without_a_secret_and_gone_on_with(self, sending, server, remote, fault, message):
        with (
            server.failing(fault, method="PUT", after=2),
            pytest.raises(OffsiteFailed, match=message) as refusal,
        ):
            sending()
        assert s3.ACCESS_KEY not in str(refusal.value.as_dict())
        assert list(remote.objects.all()) == []

        before = server.asked("PUT")
        sent = sending()

        assert (
            server.asked("PUT") - before <= 3 + 1
        )  # those that had not arrived, or were said not to be right
        assert hashlib.sha256(stored(remote)).hexdigest() == sent.sha256
        assert b"".join(decrypted(io.BytesIO(stored(remote)))) == TEXT

    def test_a_server_that_says_nothing_is_not_waited_for(self, sending, server):
        with (
            server.failing(s3.silent(server), method="PUT"),
            pytest.raises(OffsiteFailed, match="ReadTimeout"),
        ):
            sending()

    def test_a_server_that_is_not_there(self, sending, settings, remote):
        settings.STORAGES["offsite"]["OPTIONS"]["endpoint_url"] = "http://127.0.0.1:1"
        settings.STORAGES = dict(settings.STORAGES)
        sending.bucket = bucket.configured()

        with pytest.raises(OffsiteFailed, match="EndpointConnectionError"):
            sending()

    def test_cancelled_it_is_gone_on_with_later(self, sending, server, remote):
        watcher = Watcher()
        watcher.advance = lambda amount: setattr(watcher, "is_cancelled", bool(sending.kept))
        with pytest.raises(Exception, match="cancelled"):
            sending(progress=watcher)
        upload = sending.kept.upload

        sending()

        assert upload is not None
        assert server.asked("POST", "uploads") == 1
        assert b"".join(decrypted(io.BytesIO(stored(remote)))) == TEXT


class TestResume:
    def broken_off(self, sending, server) -> Sent:
        with server.failing(s3.dying, method="PUT", after=3), pytest.raises(OffsiteFailed):
            sending()
        return sending.kept

    def test_sends_what_has_not_arrived_alone(self, sending, server):
        self.broken_off(sending, server)
        before = server.asked("PUT")

        sending()

        assert server.asked("PUT") - before == 2

    def test_with_another_text_it_is_refused_before_a_byte_of_it_is_encrypted(self, sending, server, remote):
        self.broken_off(sending, server)
        before = server.asked("PUT")
        changed = TEXT[:-1] + b"!"

        with pytest.raises(BackupInvalid):
            sending(source(changed, claimed=TEXT))

        assert server.asked("PUT") == before
        assert list(remote.multipart_uploads.all()) == []

    def test_an_upload_that_the_bucket_forgot_begins_anew_with_another_salt(self, sending, server, remote):
        begun = self.broken_off(sending, server)
        sending.bucket.abort(f"{NAME}.enc", begun.upload)

        sent = sending()

        assert sent.salt != begun.salt
        assert b"".join(decrypted(io.BytesIO(stored(remote)))) == TEXT

    def test_a_part_that_is_not_ours_is_sent_again(self, sending, server, remote):
        begun = self.broken_off(sending, server)
        sending.bucket.put_part(f"{NAME}.enc", begun.upload, 2, b"x" * 1_000)

        sending()

        assert b"".join(decrypted(io.BytesIO(stored(remote)))) == TEXT

    def test_with_a_new_key_it_goes_on_with_the_old_one_while_that_is_there(self, sending, server, settings):
        begun = self.broken_off(sending, server)
        settings.BACKUP_KEYS = [OLD_KEY, KEY]
        assert sending().key_id == begun.key_id

        settings.BACKUP_KEYS = [OLD_KEY]
        sending.kept = begun
        assert sending().key_id != begun.key_id


class TestReadBack:
    def back(self, sending, sent: Sent) -> None:
        transfer.read_back(sending.bucket, source(), sent, SILENT)

    @pytest.mark.parametrize("times", [1, 3])
    def test_an_answer_that_breaks_off_is_gone_on_with(self, sending, server, times):
        sent = sending()

        with server.failing(s3.breaking_off, method="GET", having=NAME, times=times):
            self.back(sending, sent)

        assert server.asked("GET", NAME) == times + 1

    def test_one_that_never_comes_is_given_up(self, sending, server):
        sent = sending()

        with (
            server.failing(s3.refusing(), method="GET", having=NAME),
            pytest.raises(OffsiteFailed, match="SlowDown"),
        ):
            self.back(sending, sent)

    def test_what_somebody_puts_in_its_place_is_another_version(self, sending, remote):
        sent = sending()
        remote.Object(OBJECT).put(Body=b"other")
        self.back(sending, sent)

        remote.Versioning().suspend()
        sent = sending()
        remote.Object(OBJECT).put(Body=b"other")
        with pytest.raises(OffsiteDamaged):
            self.back(sending, sent)

    @pytest.mark.parametrize(
        "change",
        [
            lambda data: data[:-1],
            lambda data: data + b"x",
            lambda data: data[:900] + b"!" + data[901:],
            lambda data: b"",
        ],
        ids=["cut", "longer", "changed", "empty"],
    )
    def test_bytes_that_were_changed_are_noticed(self, sending, remote, change):
        remote.Versioning().suspend()
        sent = sending()
        remote.Object(OBJECT).put(Body=change(stored(remote)))

        with pytest.raises(OffsiteDamaged):
            self.back(sending, sent)

    def test_the_copy_of_another_file_is_noticed(self, sending, remote):
        sent = sending(source(b"another text"))

        with pytest.raises(OffsiteDamaged, match="copy of another file"):
            self.back(sending, sent)

    def test_an_object_that_is_lost_is_missed(self, sending, remote):
        sent = sending()
        remote.object_versions.all().delete()

        with pytest.raises(OffsiteMissing, match="not in the bucket"):
            self.back(sending, sent)

    def test_a_key_that_is_lost_is_named(self, sending, settings):
        sent = sending()
        settings.BACKUP_KEYS = [OLD_KEY]

        with pytest.raises(OffsiteDamaged, match="a key that is not in use"):
            self.back(sending, sent)
